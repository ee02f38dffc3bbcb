"""What a process that only records or reports loads of pyarrow, and when."""

import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from effmeter.runfile.format import Metadata


def load_what_writing_needs(metadata: "Metadata") -> None:
    """Write one row of each kind to nowhere: pyarrow loads modules when they are first needed.

    The user as whom a writer's thread is to write may not be able to read them.
    """
    from effmeter.runfile.format import Event
    from effmeter.runfile.framed_file import FramedFile
    from effmeter.runfile.row import EventRow, RowBuffer

    rows = RowBuffer(0)
    rows.add_event(EventRow(0, Event.NOTE))
    rows.add_reading(0, "", None, None, None)
    file = FramedFile(lambda _: None, metadata)
    file.write_batch(rows.take()(file.schema))
    file.close()


def keep_unneeded_out() -> None:
    """Of a process that needs none of these: pyarrow loads them where it finds them, for nothing.

    pandas takes seconds on a slow machine, in which the first rows wait, or a report.
    """
    sys.meta_path.insert(0, _WithoutUnneeded())


class _WithoutUnneeded(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname in ("pandas", "cloudpickle"):
            raise ModuleNotFoundError(f"effmeter keeps {fullname} out", name=fullname)
