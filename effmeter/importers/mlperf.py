"""MLPerf Training's power logs: one log for each node, and the log of the result.

Lines are those of MLPerf's logger (``effmeter.importers.mllog``). A node's log holds
``power_reading`` (W), one that states a power without measuring it ``interconnect_power_est``. The
log of the result holds ``run_start`` and ``run_stop``, between which the benchmark counts energy,
and the course of the training.

**Epochs** are those of ``epoch_start`` and ``epoch_stop``, or else the blocks of ``block_start``
and ``block_stop``. An epoch lasts until the evaluation that follows it is over, as in a loop that
evaluates at the end of each epoch. ``eval_accuracy`` is the metric, whatever the benchmark
evaluates: nothing in a log says whether less or more of it is better.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from effmeter.channel import Kind
from effmeter.errors import LogError, UsageError
from effmeter.importers.lines import quoted, refuse
from effmeter.importers.log import Log, StatedPower
from effmeter.importers.mllog import Entry, entries
from effmeter.importers.mlperf_result import labels_of, marks_of, metric_modes_of
from effmeter.importers.quantity import MOST_JOULES_OR_WATTS, is_no_value
from effmeter.importers.survey import Reading

POWER = "power_reading"
STATED = "interconnect_power_est"
BEGIN = "run_start"
MOST_FILES = 10_000
MOST_RESULT_ENTRIES = 1_000_000


@dataclass(slots=True)
class _Contents:
    """What one file holds."""

    path: Path
    has_power: bool = False
    stated_w: float | None = None
    has_run: bool = False
    entries: list[Entry] = field(default_factory=list)
    """All but the readings."""


def mlperf_log(paths: Sequence[Path], name: str | None = None) -> Log:
    """The run in the logs of its nodes and of its result.

    Args:
        paths: The files, or folders of them; a file without a line of MLPerf's is passed over.
        name: The run's; by default its benchmark and the folder's.

    Raises:
        LogError: A line cannot be read, or there is no reading.
        UsageError: The files are those of several runs.
    """
    found = [_contents(path) for path in _files_in(paths)]
    nodes = [contents.path for contents in found if contents.has_power]
    if not nodes:
        raise LogError(f"{', '.join(map(str, paths))}: no line holds a {POWER}")
    _refuse_same_names(nodes)
    result = _result_in(found)
    marks = None if result is None else marks_of(result.entries)
    labels = {} if result is None else labels_of(result.entries)
    return Log(
        name or _name(paths[0], labels.get("benchmark")),
        str(paths[0]),
        Kind.GAUGE,
        1.0,
        lambda: _readings(nodes),
        marks=marks,
        labels=labels,
        stated=tuple(_stated(found)),
        metric_modes=metric_modes_of(marks),
        warnings=() if marks else (f"no log holds {BEGIN}: the run is all that was read",),
    )


def _files_in(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        try:
            inside = (
                sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else []
            )
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error.strerror}") from error
        if path.is_dir() and not inside:
            raise LogError(f"{path} holds no file")
        found.update(dict.fromkeys(inside or [path]))
        if len(found) > MOST_FILES:
            raise UsageError(f"{path} holds more than {MOST_FILES} files: name the logs themselves")
    return list(found)


def _contents(path: Path) -> _Contents:
    found = _Contents(path)
    for entry in entries(path):
        if entry.key == POWER:
            found.has_power = True
            continue
        if entry.key == STATED:
            found.stated_w = _power_w(path, entry)
        found.has_run |= entry.key == BEGIN
        found.entries.append(entry)
        if len(found.entries) > MOST_RESULT_ENTRIES:
            refuse(path, entry.line, f"more than {MOST_RESULT_ENTRIES} events")
    return found


def _result_in(found: Iterable[_Contents]) -> _Contents | None:
    results = [contents for contents in found if contents.has_run]
    if len(results) > 1:
        names = ", ".join(str(contents.path) for contents in results)
        raise UsageError(f"these are the logs of several runs ({names}): import one at a time")
    return results[0] if results else None


def _stated(found: Iterable[_Contents]) -> Iterator[StatedPower]:
    for contents in found:
        if contents.stated_w is not None:
            yield StatedPower(
                contents.path.stem, contents.stated_w, f"{contents.path.name}: {STATED}"
            )


def _refuse_same_names(nodes: Sequence[Path]) -> None:
    stems = [path.stem for path in nodes]
    same = next((path for path in nodes if stems.count(path.stem) > 1), None)
    if same is not None:
        raise UsageError(f"two logs are called {same.stem}: import one run at a time")


def _name(path: Path, benchmark: object) -> str:
    own = path.resolve().name if path.is_dir() else path.resolve().parent.name
    return "-".join(filter(None, (str(benchmark or ""), own))) or "mlperf"


def _readings(nodes: Sequence[Path]) -> Iterator[Reading]:
    for path in nodes:
        host = path.stem
        for entry in entries(path):
            if entry.key == POWER and not (entry.value is None or is_no_value(str(entry.value))):
                power_w = _power_w(path, entry)
                decimals = len(repr(entry.value).partition(".")[2])
                yield Reading(entry.line, entry.time_ns, host, "", power_w, decimals)


def _power_w(path: Path, entry: Entry) -> float:
    power_w = entry.number()
    if power_w is None or not 0 <= power_w <= MOST_JOULES_OR_WATTS:
        refuse(path, entry.line, f"its value is no power in watts: {quoted(str(entry.value))}")
    return power_w
