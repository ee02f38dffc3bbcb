"""Measures windows with effmeter: a span of a recorded run for each window."""

import json
import sys
from contextlib import ExitStack

import effmeter
from benchmarks.programs.lasting import require_recorder
from benchmarks.programs.peers_windows import CPU, GPU, RAM, Told, measure
from effmeter.recorded.breakdown import Breakdown


class Effmeter:
    """A private recorder; the energies are read from the run file afterwards."""

    def __init__(self, path: str, rate_hz: float, with_cpu: bool) -> None:
        self._path = path
        self._tracker = effmeter.track(path, rate_hz=rate_hz, recorder="private", join=False)
        self._measures = (CPU, RAM, GPU) if with_cpu else (GPU,)
        self._open = ExitStack()

    def enter(self) -> None:
        self._run = self._tracker.__enter__()
        self._recorder_pid = self._run.recorder_pid

    def begin(self, number: int) -> None:
        self._open.enter_context(self._run.span(str(number)))

    def end(self, number: int) -> None:
        self._open.close()

    def leave(self) -> None:
        require_recorder(self._run, self._recorder_pid)
        self._tracker.__exit__(None, None, None)

    def pids(self) -> list[int]:
        return [] if self._recorder_pid is None else [self._recorder_pid]

    def told(self) -> list[Told]:
        run = effmeter.read_run(self._path)
        return [self._of(run.breakdown(span.begin_ns, span.end_ns)) for span in run.spans]

    def _of(self, found: Breakdown) -> Told:
        parts = {part.component.value: part.energy for part in found.components}
        parts = {name: parts[name] for name in self._measures if name in parts}
        return Told(
            {name: energy.value_j for name, energy in parts.items()},
            {name: (energy.low_j, energy.high_j) for name, energy in parts.items()},
        )


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    tool = Effmeter(settings["path"], settings["rate_hz"], settings["with_cpu"])
    measure(tool, settings["lengths_s"])
