"""Curves of the losses, kept approach by approach, so that an interrupted study goes on."""

import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from effmeter.errors import EffmeterError
from effmeter.lab.studies.teacher_student.scale import StudentScale
from effmeter.lab.workloads.teacher_student.approaches import APPROACHES
from effmeter.lab.workloads.teacher_student.curves import Curves, learning_curves


def saved_curves(
    scale: StudentScale,
    folder: Path,
    names: Iterable[str] = APPROACHES,
    *,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Curves]:
    """The curves of each approach, from ``folder`` where it holds those of this scale.

    Others are trained and kept there; with ``fresh`` all are. EffmeterError for a folder that
    cannot be written.
    """
    found = {}
    for name in names:
        path = folder / f"{name}.npz"
        kept = None if fresh else _read(path, name, scale)
        if kept is None:
            trained = learning_curves(
                [name], scale.runs, scale.iterations, read_every=scale.read_every, tell=tell
            )
            kept = trained[name]
            _write(path, kept)
        else:
            tell(f"{name}: curves of {scale.runs} runs kept earlier")
        found[name] = kept
    return found


def _read(path: Path, name: str, scale: StudentScale) -> Curves | None:
    """None for a file that is not there, is no such file, or holds another scale's curves."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            curves = Curves(APPROACHES[name], kept["iterations"], kept["losses"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    expected = sorted({*range(0, scale.iterations + 1, scale.read_every), scale.iterations})
    is_same = list(curves.iterations) == expected
    return curves if is_same and curves.losses.shape == (scale.runs, len(expected)) else None


def _write(path: Path, curves: Curves) -> None:
    """Whole or not at all: an interrupt leaves no half of a file under this name."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(file, iterations=curves.iterations, losses=curves.losses)
        os.replace(part, path)
    except OSError as error:
        raise EffmeterError(f"{path} cannot be written: {error.strerror}") from error
