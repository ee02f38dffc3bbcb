"""Measures windows with zeus: ``ZeusMonitor.begin_window`` and ``end_window``."""

import json
import sys

from zeus.monitor import ZeusMonitor

from benchmarks.programs.peers_windows import CPU, GPU, RAM, Told, measure


class Zeus:
    """All the GPUs and processor packages; nothing to wait for, as the work is none of a GPU's."""

    def __init__(self, with_cpu: bool) -> None:
        self._cpu_indices: list[int] | None = None if with_cpu else []
        self._told: list[Told] = []

    def enter(self) -> None:
        self._monitor = ZeusMonitor(cpu_indices=self._cpu_indices)

    def begin(self, number: int) -> None:
        self._monitor.begin_window(str(number), sync_execution=False)

    def end(self, number: int) -> None:
        found = self._monitor.end_window(str(number), sync_execution=False)
        parts = {CPU: found.cpu_energy, RAM: found.dram_energy, GPU: found.gpu_energy}
        self._told.append(Told({name: sum(e.values()) for name, e in parts.items() if e}, {}))

    def leave(self) -> None:
        del self._monitor

    def pids(self) -> list[int]:
        return []

    def told(self) -> list[Told]:
        return self._told


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    measure(Zeus(settings["with_cpu"]), settings["lengths_s"])
