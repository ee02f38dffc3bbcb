"""Creating run files: where they lie, what they are called, never over another."""

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from effmeter.errors import RunFileError
from effmeter.runfile.format import RUN_SUFFIX

RUNS_VARIABLE = "EFFMETER_RUNS"
REMEDY = f"choose another folder by directory= or -o, or set {RUNS_VARIABLE}"


def is_path(name: str) -> bool:
    """Whether what a run was called is a path rather than a name."""
    return name.endswith(RUN_SUFFIX) or os.sep in name


def name_of(name: str) -> str:
    """The name of a run: the stem of its file where it was called by a path."""
    return Path(name).name.removesuffix(RUN_SUFFIX) if is_path(name) else name


def path_for(name: str, directory: Path | None, environ: Mapping[str, str]) -> Path:
    """The file of a run: the path itself, or a new name in the directory of runs."""
    if is_path(name):
        return Path(name) if name.endswith(RUN_SUFFIX) else Path(name + RUN_SUFFIX)
    folder = directory or Path(environ.get(RUNS_VARIABLE) or "runs")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return folder / f"{plain}-{moment}-{secrets.token_hex(2)}{RUN_SUFFIX}"


def part_of(path: Path, part: str) -> Path:
    """A path of a host's or rank's own: those of a job may share the folder."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", part)
    return path.with_name(f"{path.stem}-{plain}{path.suffix}")


def create(path: Path) -> int:
    """A descriptor of a new, empty file; RunFileError where it exists or cannot be made.

    It is locked at once, as long as this descriptor or the recorder's copy is open: that is how
    readers know that it is being recorded. Others may read it only then: with a lock of their own,
    they could keep the recorder from it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # some network file systems know no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o666 & ~_umask())
        return descriptor
    except FileExistsError as error:
        occupied = path if path.is_file() else path.parent
        raise RunFileError(f"{occupied} is there already: choose another name") from error
    except OSError as error:
        raise RunFileError(f"{path} cannot be created ({error.strerror}): {REMEDY}") from error


def _umask() -> int:
    """The process's mask for new files; reading it by ``os.umask`` would change it for a moment."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class NewFile:
    """A new file, open while a recorder is found for it.

    An error that leaves the ``with`` removes it where nothing was recorded to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = create(path)

    def recreate(self) -> None:
        """Replace it: a recorder that refused it may hold it and write to it later."""
        os.close(self.descriptor)
        self.descriptor = -1
        self.path.unlink(missing_ok=True)
        self.descriptor = create(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        if error is not None:
            with contextlib.suppress(OSError):
                if self.path.stat().st_size == 0:
                    self.path.unlink()
