"""Measures windows with codecarbon, offline: a tracker, or a task, for each window."""

import json
import sys
from typing import Any

from codecarbon import OfflineEmissionsTracker

from benchmarks.programs.peers_windows import CPU, GPU, Told, measure

J_PER_KWH = 3.6e6


class CodeCarbon:
    """``start`` and ``stop`` of a tracker for each window.

    Its memory figure is left out: it is a model of the memory that is installed, not read.
    """

    def __init__(self, every_s: float, with_cpu: bool) -> None:
        self._every_s = every_s
        self._measures = (CPU, GPU) if with_cpu else (GPU,)
        self._told: list[Told] = []

    def enter(self) -> None:
        self._tracker = self._made()

    def begin(self, number: int) -> None:
        if number:
            self._tracker = self._made()
        self._tracker.start()

    def end(self, number: int) -> None:
        self._tracker.stop()
        self._add(self._tracker.final_emissions_data)

    def leave(self) -> None:
        del self._tracker

    def pids(self) -> list[int]:
        return []

    def told(self) -> list[Told]:
        return self._told

    def _made(self) -> Any:
        return OfflineEmissionsTracker(
            country_iso_code="USA",
            measure_power_secs=self._every_s,
            tracking_mode="machine",
            output_methods=[],
            allow_multiple_runs=True,
            log_level="error",
        )

    def _add(self, found: Any) -> None:
        kwh = {CPU: found.cpu_energy, GPU: found.gpu_energy}
        self._told.append(Told({name: kwh[name] * J_PER_KWH for name in self._measures}, {}))


class CodeCarbonTasks(CodeCarbon):
    """One tracker, ``start_task`` and ``stop_task`` for each window."""

    def begin(self, number: int) -> None:
        self._tracker.start_task(str(number))

    def end(self, number: int) -> None:
        self._add(self._tracker.stop_task(str(number)))

    def leave(self) -> None:
        self._tracker.stop()


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    kind = CodeCarbonTasks if settings["tasks"] else CodeCarbon
    tool = kind(settings["every_s"], settings["with_cpu"])
    measure(tool, settings["lengths_s"])
