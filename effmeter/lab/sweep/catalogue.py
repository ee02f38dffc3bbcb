"""The runs of a directory by their labels: which trainings of a grid are done."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from effmeter.errors import EffmeterError, RunFileError
from effmeter.lab.sweep.cell import Cell
from effmeter.lab.sweep.outcome import Outcome, outcome_of
from effmeter.recorded.reading import find_runs, read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Label, successor_path
from effmeter.runfile.reader import read_metadata
from effmeter.status import Status

SET_ASIDE = "set-aside"
"""The folder, beside the runs, for files of trainings that were repeated."""


class Labelled(Protocol):
    """A training whose labels hold all its settings."""

    @property
    def labels(self) -> Mapping[str, Label]:
        """Two trainings are the same if and only if these are."""


class RunCatalogue:
    """The runs that a directory held when this was made.

    A run belongs to a training if it has exactly its labels.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._paths: dict[frozenset[tuple[str, Label]], list[Path]] = {}
        for path in find_runs([directory]) if directory.is_dir() else []:
            labels = _labels_of(path)
            if labels:
                self._paths.setdefault(frozenset(labels.items()), []).append(path)

    def settled(self, cell: Cell) -> Outcome | None:
        """The outcome of a run that need not be repeated, if there is one."""
        outcomes = (outcome_of(cell, run, earlier=True) for run in self._runs(cell))
        return next((outcome for outcome in outcomes if outcome.is_settled), None)

    def completed(self, training: Labelled) -> RecordedRun | None:
        """The completed run of a training, if there is one."""
        return next((run for run in self._runs(training) if run.status is Status.COMPLETED), None)

    def set_aside(self, training: Labelled) -> None:
        """Move a training's runs into the folder ``set-aside``.

        What is being recorded at this moment stays where it is. RunFileError where they cannot
        be moved.
        """
        ended = [run.paths[0] for run in self._runs(training) if run.status is not Status.RECORDING]
        for path in ended:
            _move(path, self._directory / SET_ASIDE)

    def _runs(self, training: Labelled) -> Iterator[RecordedRun]:
        for path in self._paths.get(frozenset(training.labels.items()), []):
            try:
                yield read_run(path)
            except EffmeterError:
                continue  # what cannot be read settles nothing, and stays for its owner to see


def _labels_of(path: Path) -> Mapping[str, Label]:
    """Reads the beginning of the file alone; empty for a file that is no run."""
    try:
        return read_metadata(path).labels
    except RunFileError:
        return {}


def _move(path: Path, folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        for file in filter(Path.exists, (path, successor_path(path))):
            os.rename(file, folder / file.name)
    except OSError as error:
        raise RunFileError(f"{path} cannot be set aside: {error.strerror}") from error
