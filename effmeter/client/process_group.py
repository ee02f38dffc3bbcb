"""The process group of ``torch.distributed``, where this program has initialised one.

Nothing is imported here: a program that has not loaded torch is in no group.
"""

import sys
from typing import Any, NamedTuple


class ProcessGroup(NamedTuple):
    """The place of this process in its default group."""

    rank: int
    world_size: int
    store: tuple[str, ...]
    """Where the members met, as far as it is known: the same for all of them."""


def default_group() -> ProcessGroup | None:
    """The initialised default group; None where there is none."""
    distributed: Any = sys.modules.get("torch.distributed")
    try:
        if (
            distributed is None
            or not distributed.is_available()
            or not distributed.is_initialized()
        ):
            return None
        rank, world_size = int(distributed.get_rank()), int(distributed.get_world_size())
    except Exception:  # another library's state, half built or torn down, is no fault of the run
        return None
    return ProcessGroup(rank, world_size, _meeting_place(distributed))


def _meeting_place(distributed: Any) -> tuple[str, ...]:
    """Address or path of the store by which the group was initialised.

    torch has no public name for it: where this one changes, the place is unknown.
    """
    try:
        store = distributed.distributed_c10d._get_default_store()
        while hasattr(store, "underlying_store"):
            store = store.underlying_store
        facts = [getattr(store, name, None) for name in ("host", "port", "path")]
    except Exception:
        return ()
    return tuple(str(fact) for fact in facts if fact is not None)
