"""The numbers of runs, epochs and spans, and which of them a thread is in."""

import contextlib
import itertools
import threading

_ids = itertools.count(1)


def next_id() -> int:
    """A number that no other run, epoch or span of this process has."""
    return next(_ids)


class Nesting:
    """The open epochs and spans of one run, for each thread by itself."""

    def __init__(self, root_id: int) -> None:
        self._root_id = root_id
        self._of_thread = threading.local()

    @property
    def innermost(self) -> int:
        """The open span or epoch that this thread is in, else the run itself."""
        opened = self._opened
        return opened[-1] if opened else self._root_id

    def enter(self, id_: int) -> None:
        """Open an epoch or span inside the innermost."""
        self._opened.append(id_)

    def leave(self, id_: int) -> None:
        """Close an epoch or span, innermost or not."""
        with contextlib.suppress(ValueError):
            self._opened.remove(id_)

    @property
    def _opened(self) -> list[int]:
        opened: list[int] = self._of_thread.__dict__.setdefault("opened", [])
        return opened
