"""Looks after the old files of a machine's log: thins them, and removes the oldest."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from effmeter.errors import EffmeterError
from effmeter.recorded.thinning import THINNED_KEY, ThinnedFile, thin
from effmeter.runfile.format import LOG_KEY, RUN_SUFFIX
from effmeter.runfile.new_file import UNFINISHED_SUFFIX
from effmeter.runfile.reader import is_recorded, read_metadata

_ABANDONED_S = 3600.0
"""What a crash left is removed after this time."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How long the files of a log stay, and what becomes of them."""

    keep_full_s: float
    """How long after its last row a file keeps every reading."""
    period_s: float
    """The period of the energies that replace the readings then."""
    keep_s: float | None = None
    """How long after its beginning a file is kept at all; None: for ever."""


@dataclass(slots=True)
class UpkeepOutcome:
    """What was done."""

    thinned: list[ThinnedFile] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """One line for each file that could not be thinned or removed; it stays as it is."""


def look_after(folder: Path, upkeep: Upkeep, wall_s: float | None = None) -> UpkeepOutcome:
    """Thin and remove what is due in a folder; other run files in it are left alone.

    Only one process does so at a time: another finds nothing to do. The files are thinned one
    after the other, each in the place of the old one, so that a crash loses nothing.

    Args:
        folder: The folder of the log.
        upkeep: What is due when.
        wall_s: The wall clock; by default now.
    """
    outcome = UpkeepOutcome()
    now_s = time.time() if wall_s is None else wall_s
    with _alone(folder) as is_alone:
        if not is_alone:
            return outcome
        _remove_abandoned(folder)
        for path in sorted(folder.glob(f"*{RUN_SUFFIX}")):
            try:
                _look_after(path, upkeep, now_s, outcome)
            except EffmeterError as error:
                outcome.errors.append(str(error))
            except OSError as error:
                why = error.strerror or str(error)
                outcome.errors.append(f"{path} cannot be looked after: {why}")
            except Exception as error:  # one file's fault leaves the others looked after
                why = f"{type(error).__name__}: {error}"
                outcome.errors.append(
                    f"{path} cannot be looked after, by a bug of effmeter ({why})"
                )
    return outcome


def _look_after(path: Path, upkeep: Upkeep, now_s: float, outcome: UpkeepOutcome) -> None:
    if path.is_symlink() or not path.is_file() or is_recorded(path):
        return
    facts = path.stat()
    if not facts.st_size:
        _remove(path, outcome)  # a recorder died before it had written anything
        return
    metadata = read_metadata(path)
    if not metadata.sampling.get(LOG_KEY):
        return
    if upkeep.keep_s is not None and now_s - metadata.started_wall_ns * 1e-9 > upkeep.keep_s:
        _remove(path, outcome)
    elif now_s - facts.st_mtime > upkeep.keep_full_s and THINNED_KEY not in metadata.sampling:
        outcome.thinned.append(thin(path, upkeep.period_s))


def _remove(path: Path, outcome: UpkeepOutcome) -> None:
    path.unlink()
    outcome.removed.append(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process looks after the folder, until it is left."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    """Remove the pieces of new files that a crash left."""
    for piece in folder.glob(f".*{UNFINISHED_SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - piece.lstat().st_mtime > _ABANDONED_S:
                piece.unlink()
