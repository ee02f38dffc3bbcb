"""How much memory the recorded programs use, from a procfs and GPUs that a test fills."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from effmeter.probes.base import DeviceMemory, Failure
from effmeter.recorder.observers import processes
from effmeter.recorder.observers.contention import HIDDEN_BY_CONTAINER
from effmeter.recorder.observers.memory import (
    NO_PROCESS,
    NOT_PER_PROCESS,
    RAM,
    MemoryAmount,
    MemoryLog,
    MemoryObserver,
    resident,
)
from effmeter.recorder.observers.processes import Listing
from effmeter.runfile.format import PEAK
from tests.simulated.clock import ManualClock

SHELL, TRAINING, WORKER, OTHER = 10, 20, 21, 30
MIB = 2**20

pytestmark = pytest.mark.skipif(not processes.ON_LINUX, reason="procfs is Linux' own")


class SimulatedProcesses:
    """A folder as ``/proc`` is, with a training program and one that is none of its business."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder
        self.gpus: dict[str, DeviceMemory] = {}
        self.log = MemoryLog({TRAINING})
        self.start(SHELL, 1)
        self.start(TRAINING, SHELL, now_mib=100)
        self.start(OTHER, SHELL, now_mib=9000)
        self._observer = MemoryObserver(
            lambda: {TRAINING}, lambda: self.gpus, ManualClock(), folder
        )

    def start(self, pid: int, parent: int, now_mib: int = 1, highest_mib: int = 0) -> None:
        folder = self.proc / str(pid)
        folder.mkdir()
        zeros = " ".join("0" * 14)
        (folder / "stat").write_text(f"{pid} (a b) S {parent} 1 1 {zeros} 0 {pid * 100} 0\n")
        self.use(pid, now_mib, highest_mib)

    def use(self, pid: int, now_mib: int, highest_mib: int = 0) -> None:
        highest_kib, now_kib = (max(highest_mib, now_mib) << 10), now_mib << 10
        lines = f"Name:\ta b\nVmHWM:\t  {highest_kib} kB\nVmRSS:\t  {now_kib} kB\nThreads:\t1\n"
        (self.proc / str(pid) / "status").write_text(lines)

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))

    def told(self, *, sees_all: bool = True) -> list[MemoryAmount]:
        """What is written down after one more look."""
        return list(self.log.changes(self._observer.observe()._replace(sees_all=sees_all)))


@pytest.fixture
def machine(tmp_path: Path) -> SimulatedProcesses:
    return SimulatedProcesses(tmp_path)


def in_use(by_process: Mapping[int, int | None] | Failure) -> Mapping[str, DeviceMemory]:
    return {"gpu0": DeviceMemory(70 * MIB, by_process)}


def test_resident_memory_is_that_of_the_program_and_its_descendants(
    machine: SimulatedProcesses,
) -> None:
    assert machine.told() == [MemoryAmount(RAM, 100 * MIB)]
    machine.start(WORKER, TRAINING, now_mib=30)
    assert machine.told() == [MemoryAmount(RAM, 130 * MIB)]
    machine.end(WORKER)
    assert machine.told() == [MemoryAmount(RAM, 100 * MIB)]


def test_what_has_not_changed_is_not_told_again(machine: SimulatedProcesses) -> None:
    machine.told()
    assert machine.told() == []


def test_a_peak_between_two_looks_is_told_beside_what_is_left(machine: SimulatedProcesses) -> None:
    machine.told()
    machine.use(TRAINING, 110, highest_mib=400)
    assert machine.told() == [MemoryAmount(RAM, 110 * MIB), MemoryAmount(RAM, 400 * MIB, PEAK)]
    machine.use(TRAINING, 120, highest_mib=400)
    assert machine.told() == [MemoryAmount(RAM, 120 * MIB)]


def test_a_peak_from_before_the_recording_is_not_its_own(machine: SimulatedProcesses) -> None:
    machine.use(TRAINING, 100, highest_mib=500)
    assert machine.told() == [MemoryAmount(RAM, 100 * MIB)]
    machine.start(WORKER, TRAINING, now_mib=30, highest_mib=60)
    assert machine.told() == [MemoryAmount(RAM, 130 * MIB), MemoryAmount(RAM, 160 * MIB, PEAK)]


def test_a_program_that_has_ended_uses_nothing_that_could_be_told(
    machine: SimulatedProcesses,
) -> None:
    machine.told()
    machine.end(TRAINING)
    assert machine.told() == []


def test_a_program_whose_number_means_nothing_here_is_unknown_and_never_zero(
    machine: SimulatedProcesses,
) -> None:
    machine.log = MemoryLog(set())
    machine.gpus = dict(in_use({TRAINING: 50 * MIB}))
    assert machine.told() == [
        MemoryAmount(RAM, None, NO_PROCESS),
        MemoryAmount("gpu0", None, NO_PROCESS),
        MemoryAmount("gpu0-device", 70 * MIB),
    ]


def test_memory_of_a_gpu_is_that_of_the_programs_own_processes(machine: SimulatedProcesses) -> None:
    machine.told()
    machine.start(WORKER, TRAINING)
    machine.gpus = dict(in_use({TRAINING: 40 * MIB, WORKER: 5 * MIB, OTHER: 25 * MIB}))
    assert machine.told()[-1] == MemoryAmount("gpu0", 45 * MIB)
    machine.gpus = dict(in_use({OTHER: 25 * MIB}))
    assert machine.told() == [MemoryAmount("gpu0", 0)]


@pytest.mark.parametrize(
    ("by_process", "sees_all", "why"),
    [
        ({TRAINING: None}, True, NOT_PER_PROCESS),
        ({TRAINING: 5}, False, HIDDEN_BY_CONTAINER),
        (Failure("no permission"), True, "no permission"),
    ],
)
def test_where_processes_cannot_be_told_apart_the_whole_device_is_told_as_such(
    machine: SimulatedProcesses,
    by_process: Mapping[int, int | None] | Failure,
    sees_all: bool,
    why: str,
) -> None:
    machine.told()
    machine.gpus = dict(in_use(by_process))
    told = machine.told(sees_all=sees_all)
    assert told == [MemoryAmount("gpu0", None, why), MemoryAmount("gpu0-device", 70 * MIB)]
    assert machine.told(sees_all=sees_all) == []


def test_a_zombie_has_no_resident_memory_to_tell(machine: SimulatedProcesses) -> None:
    (machine.proc / str(TRAINING) / "status").write_text("Name:\ta b\nState:\tZ (zombie)\n")
    assert resident(TRAINING, machine.proc) is None
    assert machine.told() == []


def test_a_listing_reads_only_the_processes_that_are_new(machine: SimulatedProcesses) -> None:
    listing = Listing(machine.proc)
    first = listing.refresh()
    assert listing.refresh() is first
    (machine.proc / str(OTHER) / "stat").write_text("changed meanwhile")
    machine.start(WORKER, TRAINING)
    machine.end(SHELL)
    second = listing.refresh()
    assert second.keys() == {TRAINING, OTHER, WORKER}
    assert second[OTHER] is first[OTHER]
