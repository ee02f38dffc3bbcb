"""What children of this process find in their environment while runs go on.

Runs may overlap in any order, so what one leaves behind is what the youngest of the others set.
"""

import os
import threading
from collections.abc import Mapping

_lock = threading.Lock()
_original: dict[str, str | None] = {}
_set_by: dict[object, Mapping[str, str]] = {}


def announce(run: object, variables: Mapping[str, str]) -> None:
    """Let children of this process join a run."""
    with _lock:
        for name in variables:
            if not any(name in earlier for earlier in _set_by.values()):
                _original[name] = os.environ.get(name)
        _set_by[run] = variables
        os.environ.update(variables)


def withdraw(run: object) -> None:
    """Take that back; the youngest run that goes on shows again."""
    with _lock:
        ours = _set_by.pop(run, {})
        for name, value in ours.items():
            if os.environ.get(name) != value:
                continue  # a younger run's, or the program's own
            others = [earlier[name] for earlier in _set_by.values() if name in earlier]
            before = others[-1] if others else _original[name]
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
