"""What a rewritten run file states of the file that it was made from.

The rewritten file is whole and finished itself. Its last row, the event ``compacted``, says
whether the original was, so that a reader reports the same of both.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from effmeter.runfile.format import Event
from effmeter.runfile.part import Damage

MAX_DAMAGES = 10_000
_MOST_TEXT = 200
_MOST_NS = 2**62


@dataclass(frozen=True, slots=True)
class Origin:
    """The state of the file before it was written again."""

    is_finished: bool = True
    """It had a footer."""
    damages: tuple[Damage, ...] = ()

    def to_json(self) -> str:
        """The text of the event."""
        damages = [asdict(damage) for damage in self.damages[:MAX_DAMAGES]]
        return json.dumps({"finished": self.is_finished, "damages": damages})


WHOLE = Origin()
"""Of a file that was not rewritten, and of one whose original was whole."""


def origin_in(batch: pa.RecordBatch) -> Origin:
    """What the last batch of a file states of its original; ``WHOLE`` where it states nothing."""
    last = batch.num_rows - 1
    if last < 0 or batch.schema.get_field_index("event") < 0:
        return WHOLE
    if batch.column("event")[last].as_py() != Event.COMPACTED:
        return WHOLE
    return origin_of(batch.column("text")[last].as_py())


def origin_of(text: str | None) -> Origin:
    """The origin that ``Origin.to_json`` described."""
    try:
        stated = json.loads(text or "")
        return Origin(bool(stated["finished"]), tuple(map(_damage, stated["damages"])))
    except (KeyError, TypeError, ValueError, RecursionError):
        return Origin(damages=(Damage("what it states of its original"),))


def _damage(stated: Mapping[str, Any]) -> Damage:
    """The damage that a mapping describes; ValueError where it is none."""
    what = stated["what"]
    if not isinstance(what, str) or len(what) > _MOST_TEXT:
        raise ValueError("a damage is a short text")
    begin_ns, end_ns = stated["begin_ns"], stated["end_ns"]
    for moment in (begin_ns, end_ns):
        if moment is not None and (type(moment) is not int or not 0 <= moment <= _MOST_NS):
            raise ValueError("a moment is a whole number of nanoseconds")
    return Damage(what, begin_ns, end_ns)
