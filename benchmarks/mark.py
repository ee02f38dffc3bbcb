"""A mark in the training thread, beside one send of such a line."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import effmeter
from benchmarks.figures import Figure, Result, counted, paired, percentile
from benchmarks.surroundings import Surroundings, run

NAME = "mark"
TITLE = "a mark in the training thread (aim: 10 us in the median)"
TIME_AND_VALUE_BYTES = 16
SEND = "one send of a line as long to a process that reads"
DUMPS = "a dict made and written as JSON, not sent"
MARKS = {"log": "run.log", "begin": "begin of run.span", "end": "end of run.span"}

Round = Mapping[str, Mapping[str, Sequence[int]]]


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Marks 1 ms apart and in bursts of 5000, by turns with the bare sends."""
    settings = {"rounds": 2, "turns": 50} if quick else {"rounds": 12, "turns": 400}
    path = place.folder / "marks.arrow"
    tell("{rounds} rounds: {turns} spaced marks of each kind, and bursts".format(**settings))
    told = run("marks", {"path": str(path), "burst": 5000, **settings}, place.environ)
    floor = (
        counted("system calls of run.log", "", told["kernel_calls"], "one send", 1),
        counted(
            "bytes sent by run.log",
            "bytes",
            told["line_bytes"],
            "a time and a value, packed",
            TIME_AND_VALUE_BYTES,
        ),
    )
    recorded = effmeter.read_run(path)
    facts = {
        "marks dropped": recorded.dropped_marks,
        "bare lines that the socket did not take": told["not_taken"],
    }
    return Result(NAME, TITLE, floor, tuple(_figures(told["rounds"])), facts)


def _figures(rounds: Sequence[Round]) -> Iterator[Figure]:
    for key, mark in MARKS.items():
        name = f"{mark}, 1 ms apart"
        yield _compared(rounds, "spaced", name, key, "send")
    yield _compared(rounds, "spaced", "run.log, 1 ms apart", "log", "dumps")
    yield _compared(rounds, "slept", "run.log, 1 ms apart, after a sleep", "log", "send")
    yield _compared(rounds, "slept", "run.log, 1 ms apart, after a sleep", "log", "dumps")
    yield _compared(rounds, "burst", "run.log, 5000 in a row", "log", "send")
    for key, mark in MARKS.items():
        name = f"99th percentile of {mark}, 1 ms apart"
        yield _compared(rounds, "spaced", name, key, "send", _p99)
    name = "99th percentile of run.log, 5000 in a row"
    yield _compared(rounds, "burst", name, "log", "send", _p99)


def _p99(values: Sequence[float]) -> float:
    return percentile(values, 99)


def _compared(
    rounds: Sequence[Round],
    manner: str,
    name: str,
    ours: str,
    theirs: str,
    of: Callable[[Sequence[float]], Any] = statistics.median,
) -> Figure:
    """One statistic of each round, ours against the bare one."""
    here, bare = ([of(r[manner][key]) * 1e-3 for r in rounds] for key in (ours, theirs))
    return paired(name, "us", here, SEND if theirs == "send" else DUMPS, bare)
