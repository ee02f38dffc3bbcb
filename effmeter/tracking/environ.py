"""The environment variables by which children of this process find the run around them.

A process never reads its own announcements back: ``inherited`` is the environment without them.
"""

import os
import threading
from collections.abc import Mapping

_lock = threading.RLock()
"""Runs of several threads begin and end at once; a signal handler may begin one too."""
_shown: dict[str, str] = {}
"""What this process announces, by variable."""
_original: dict[str, str | None] = {}
"""What each of these variables was before; None: it was absent."""


def announce(variables: Mapping[str, str]) -> None:
    """Show children these variables in place of those announced before; none restores all.

    What the program itself has set meanwhile stays until the next run begins.
    """
    with _lock:
        for name in _shown.keys() - variables.keys():
            _restore(name)
        for name, value in variables.items():
            if _shown.get(name) == value:
                continue
            if name not in _shown or os.environ.get(name) != _shown[name]:
                _original[name] = os.environ.get(name)
            _shown[name] = os.environ[name] = value


def inherited() -> dict[str, str]:
    """The environment without what this process announces."""
    with _lock:
        environ = dict(os.environ)
        for name, value in _shown.items():
            if environ.get(name) != value:
                continue
            original = _original[name]
            if original is None:
                del environ[name]
            else:
                environ[name] = original
    return environ


def forget() -> None:
    """Take what stands in the environment as inherited: in a forked child."""
    global _lock
    _lock = threading.RLock()  # another thread may hold the parent's
    _shown.clear()
    _original.clear()


def _restore(name: str) -> None:
    """Take an announcement back, unless the program has set the variable itself."""
    value, original = _shown.pop(name), _original.pop(name)
    if os.environ.get(name) != value:
        return
    if original is None:
        del os.environ[name]
    else:
        os.environ[name] = original
