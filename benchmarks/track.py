"""Entering and leaving ``track()``, beside the starts of bare processes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.figures import Figure, Result, counted, paired
from benchmarks.surroundings import ROOT, Surroundings, run

NAME = "track"
TITLE = "entering and leaving track()"
BARE = {"pass": "python -c pass", "pyarrow": 'python -c "import pyarrow"'}
START_TIMEOUT_S = 20.0


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Private and shared recorders, by turns with bare processes."""
    rounds = 2 if quick else 20
    floor: list[Figure] = []
    figures: list[Figure] = []
    for recorder in ("private", "shared"):
        tell(f"{rounds} rounds with a {recorder} recorder")
        settings = {"folder": str(place.folder), "recorder": recorder, "rounds": rounds}
        if recorder == "shared":
            with _daemon(place) as environ:
                told = run("entries", settings, environ)
        else:
            told = run("entries", settings, place.environ)
        floor += _floor(recorder, told["waits"])
        figures += _figures(recorder, told["rounds"])
    return Result(NAME, TITLE, tuple(floor), tuple(figures))


def _floor(recorder: str, waits: Mapping[str, int]) -> Iterator[Figure]:
    for part, count in waits.items():
        name = f"waits for an answer in {part}, {recorder}"
        yield counted(name, "", count, "one answer", 1)


def _figures(recorder: str, rounds: Sequence[Mapping[str, int]]) -> Iterator[Figure]:
    for part in ("entering", "leaving"):
        here = [r[part] * 1e-6 for r in rounds]
        for key, bare in BARE.items():
            beside = [r[key] * 1e-6 for r in rounds]
            yield paired(f"{part}, {recorder}", "ms", here, bare, beside)


@contextmanager
def _daemon(place: Surroundings) -> Iterator[Mapping[str, str]]:
    """A shared recorder; the environment in which it is found."""
    socket = place.folder / "shared.sock"
    command = [sys.executable, "-m", "effmeter", "daemon", "run", "--socket", str(socket)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(place.environ), stderr=subprocess.DEVNULL
    )
    try:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError("effmeter daemon run does not start")
            time.sleep(0.01)
        yield {**place.environ, "EFFMETER_SOCKET": str(socket)}
    finally:
        process.terminate()
        process.wait()
