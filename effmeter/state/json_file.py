"""A small file that is replaced as a whole, so that no reader sees half of it."""

import contextlib
import os
from pathlib import Path

from effmeter.errors import EffmeterError
from effmeter.state.folder import REMEDY


def write_beside(path: Path, text: str) -> Path:
    """A temporary file beside a path, with this text; EffmeterError where it cannot be written."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = f"{path} cannot be written ({error.strerror})"
        raise EffmeterError(f"{reason}: {REMEDY}") from error
    return temporary
