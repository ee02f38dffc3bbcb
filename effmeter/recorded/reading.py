"""From paths to runs: which files are runs of their own, and which go on another's."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from effmeter.errors import RunFileError, UsageError
from effmeter.recorded.host_merging import merge_hosts
from effmeter.recorded.recording import Recording
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import RUN_SUFFIX, Metadata, successor_path
from effmeter.runfile.part import Part
from effmeter.runfile.reader import read_metadata, read_part

_SUCCESSOR = re.compile(r"(.+)\.2")


def read_run(path: Path | str) -> RecordedRun:
    """The run in a file, joined with the file of its recorder's successor where there is one.

    A file whose writer was killed, or that was cut short, gives every row up to its last whole
    batch.

    Raises:
        UsageError: The file holds several runs: ``read_runs`` returns all of them.
        RunFileError: There is no such file, or nothing whole in it; NotARunError and
            NewerFormatError are its kinds. Each is one line that names the file.
    """
    runs = merge_hosts(_runs_in(Path(path)))
    if len(runs) > 1:
        names = ", ".join(run.name for run in runs)
        raise UsageError(f"{path} holds several runs ({names}): read them with read_runs")
    return runs[0]


def read_runs(paths: Iterable[Path | str] | Path | str) -> list[RecordedRun]:
    """All runs in files and folders, in the order given; a file may hold several.

    The files that the hosts of one job wrote give one run. A folder gives its ``*.arrow`` files,
    sorted. The first file that cannot be read is an error, as of ``read_run``.
    """
    given = [paths] if isinstance(paths, str | Path) else paths
    return merge_hosts(run for path in find_runs(given) for run in _runs_in(path))


def _runs_in(path: Path) -> list[RecordedRun]:
    """The runs of a recording: its own, then those inside it."""
    recording = read_recording(path)
    return [RecordedRun(recording, place) for place in range(len(recording.identities))]


def read_recording(path: Path) -> Recording:
    """A run file, joined with the file of its recorder's successor; errors as of ``read_run``."""
    try:
        first = read_part(path)
    except RunFileError as error:
        if not path.name:  # ".", "/": a folder has no successor
            raise
        return _without_beginning(successor_path(path), error)
    if first.metadata.part != 1:
        return Recording(
            [first], ("only what a successor recorded is here: the beginning is missing",)
        )
    beside = successor_path(path)
    if not os.path.exists(beside):  # Path.exists raises where the name is too long
        return Recording([first])
    try:
        second = read_part(beside)
    except RunFileError as error:
        return Recording([first], (f"the successor's file is left out: {error}",))
    return Recording([first, second] if _goes_on(first, second) else [first])


def _without_beginning(beside: Path, error: RunFileError) -> Recording:
    """What a successor recorded after a recorder that died before it had written anything."""
    try:
        second = read_part(beside)
    except RunFileError:
        raise error from None
    if second.metadata.part != 2:
        raise error
    return Recording(
        [second], (f"the beginning is lost, only what a successor recorded is here: {error}",)
    )


def find_runs(paths: Iterable[Path | str]) -> list[Path]:
    """The runs that files and directories hold, each once, in the order given.

    A directory gives its ``*.arrow`` files, sorted. The file of a successor stands for the run
    that it goes on, so that nothing is counted twice. A path that holds no run is kept:
    reading it says what is wrong with it.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        inside = sorted(path.glob(f"*{RUN_SUFFIX}")) if os.path.isdir(path) else []
        for file in inside or [path]:
            found[_beginning_of(file)] = None
    return list(found)


def _goes_on(first: Part, second: Part) -> bool:
    return second.metadata.part == 2 and second.metadata.run_id == first.metadata.run_id


def _beginning_of(path: Path) -> Path:
    """The first file of the run that a file belongs to: itself, unless it is a successor's."""
    named = _SUCCESSOR.fullmatch(path.stem)
    if named is None:
        return path
    predecessor = path.with_name(named[1] + path.suffix)
    first, second = _metadata_of(predecessor), _metadata_of(path)
    if first is None and second is None:
        return path
    if first is None:  # empty: its recorder died before it had written anything
        goes_on = os.path.exists(predecessor) and second is not None and second.part == 2
    else:  # reading the predecessor reports a successor that cannot be read
        goes_on = second is None or (second.run_id, second.part) == (first.run_id, 2)
    return predecessor if goes_on else path


def _metadata_of(path: Path) -> Metadata | None:
    try:
        return read_metadata(path)
    except RunFileError:
        return None
