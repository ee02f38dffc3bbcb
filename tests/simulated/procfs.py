"""A folder as ``/proc`` is, with programs whose work a test states, and GPUs that they use."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from effmeter.probes.base import Failure
from effmeter.recorder.observers.work import WorkObserver, WorkSnapshot
from effmeter.recorder.observers.work_log import Work, WorkLog
from tests.runfile.writing import START_NS
from tests.simulated.clock import ManualClock

SHELL, TRAINING, WORKER, OTHER = 10, 20, 21, 30
_TICKS = 100


class SimulatedWork:
    """A folder as ``/proc`` is, with a training, and GPUs that tell who uses them."""

    def __init__(self, folder: Path, roots: tuple[int, ...] = (TRAINING,)) -> None:
        self.proc = folder / "proc"
        self.clock = ManualClock(time_ns=START_NS)
        self.gpus: dict[str, dict[int, float] | Failure] = {}
        self.roots = set(roots)
        self.log = WorkLog(self.roots)
        self.proc.mkdir(parents=True)
        self.show_machine(0.0)
        for pid, parent in ((SHELL, 1), (TRAINING, SHELL), (OTHER, SHELL)):
            self.show(pid, parent)
        self.observer = WorkObserver(
            lambda: self.roots, self._use, self.clock, self.proc, folder / "cgroup"
        )

    def _use(self, since_s: float) -> Mapping[str, Mapping[int, float] | Failure]:
        return self.gpus

    def show(
        self,
        pid: int,
        parent: int,
        own_s: float = 0.0,
        waited_s: float = 0.0,
        name: str = "a b",
    ) -> None:
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        times = " ".join(str(round(s * _TICKS)) for s in (own_s, 0.0, waited_s, 0.0))
        zeros = " ".join("0" * 9)
        line = f"{pid} ({name}) S {parent} 1 1 {zeros[: 2 * 7]}0 {times} 0 0 1 0 {pid * 100} 0\n"
        (folder / "stat").write_text(line)

    def show_machine(self, busy_s: float) -> None:
        (self.proc / "stat").write_text(f"cpu  {round(busy_s * _TICKS)} 0 0 900 0 0 0\n")

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))

    def seen(self, after_s: float = 1.0, is_boundary: bool = True) -> WorkSnapshot:
        self.clock.advance(after_s)
        return self.observer.observe(is_boundary)._replace(sees_all=True)

    def told(self, after_s: float = 1.0, is_boundary: bool = True) -> list[tuple[Work, ...]]:
        """The looks that are written down after one more."""
        return [works for _, works in self.log.changes(self.seen(after_s, is_boundary))]
