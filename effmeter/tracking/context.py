"""The run that a block is in: carried by the context, so that tasks and threads do not mix.

A thread whose context holds no run belongs to the innermost run of the main thread, where there
is one. A forked child keeps the context of the thread that forked it.
"""

import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar

from effmeter.client.surroundings import Surroundings
from effmeter.tracking.environ import announce, forget


class Place:
    """One open run, and the run around it."""

    def __init__(self, outer: "Place | None", surroundings: Surroundings | None) -> None:
        self.outer = outer
        around = None if outer is None else outer.surroundings
        self.surroundings: Surroundings | None = surroundings or around
        """What runs inside this one join; None where nothing around them is recorded."""
        self.is_open = True
        self.is_in_main_thread = _is_main_thread()

    def is_around(self, other: "Place") -> bool:
        """Whether another run began inside this one."""
        outer = other.outer
        while outer is not None and outer is not self:
            outer = outer.outer
        return outer is self


_innermost: ContextVar[Place | None] = ContextVar("effmeter_run", default=None)
_lock = threading.RLock()
_open: list[Place] = []
"""The open runs of this process, the youngest last."""


def enclosing() -> Place | None:
    """The innermost open run that a block is in; None: it is in none."""
    with _lock:
        return _open_from(_innermost.get()) or (None if _is_main_thread() else _of_main_thread())


def enter(outer: Place | None, surroundings: Surroundings | None) -> Place:
    """Begin a run inside another."""
    with _lock:
        place = Place(outer, surroundings)
        _open.append(place)
        _innermost.set(place)
        announce(_announced())
    return place


def leave(place: Place) -> None:
    """End a run, in whichever context and order."""
    with _lock:
        if _innermost.get() is place:
            _innermost.set(_open_from(place.outer))
        place.is_open = False
        if place in _open:
            _open.remove(place)
        for other in _open:  # an ended run is kept by nothing
            other.outer = _open_from(other.outer)
        announce(_announced())


def _open_from(place: Place | None) -> Place | None:
    """The first run from one outwards that is open."""
    while place is not None and not place.is_open:
        place = place.outer
    return place


def _of_main_thread() -> Place | None:
    """The innermost run around all that goes on in the main thread.

    It is none of several asyncio tasks' runs, which are beside one another.
    """
    mine = [place for place in _open if place.is_in_main_thread]
    for place in reversed(mine):
        others = (other for other in mine if other is not place)
        if all(other.is_around(place) or place.is_around(other) for other in others):
            return place
    return None


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _announced() -> Mapping[str, str]:
    """What child processes find: the youngest run of the main thread, else the youngest."""
    recorded = [place for place in _open if place.surroundings is not None]
    mine = [place for place in recorded if place.is_in_main_thread] or recorded
    around = mine[-1].surroundings if mine else None
    return {} if around is None else around.variables()


def _keep_in_child() -> None:
    """A forked child is in the runs that its thread was in when it was forked, and in no other."""
    global _lock
    _lock = threading.RLock()  # another thread may hold the parent's
    place = _open_from(_innermost.get())
    _open.clear()
    while place is not None:
        place.is_in_main_thread = True
        _open.insert(0, place)
        place = _open_from(place.outer)
    forget()


os.register_at_fork(after_in_child=_keep_in_child)
