"""How long programs use processors and GPUs, from a procfs and GPUs that a test fills."""

from itertools import pairwise
from pathlib import Path

import pytest

from effmeter.probes.base import Failure
from effmeter.recorder.observers.contention import HIDDEN_BY_CONTAINER
from effmeter.recorder.observers.memory import NO_PROCESS
from effmeter.recorder.observers.processes import ON_LINUX
from effmeter.recorder.observers.work import (
    NOT_ITS_OWN,
    SERVED_BY_MPS,
    shows_machine,
)
from effmeter.recorder.observers.work_log import Work
from tests.simulated.procfs import OTHER, SHELL, TRAINING, WORKER, SimulatedWork

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="procfs is Linux' own")


@pytest.fixture
def machine(tmp_path: Path) -> SimulatedWork:
    return SimulatedWork(tmp_path)


def test_a_program_is_told_beside_the_whole_machine_and_nobody_else(
    machine: SimulatedWork,
) -> None:
    machine.told()
    machine.show(TRAINING, SHELL, 3.0)
    machine.show(OTHER, SHELL, 5.0)
    machine.show_machine(8.0)
    assert machine.told() == [(Work(None, None, 8.0), Work(None, TRAINING, 3.0, 0.0, 1))]


def test_children_that_ended_keep_their_time(machine: SimulatedWork) -> None:
    machine.told()
    machine.show(WORKER, TRAINING, 2.0)
    machine.show_machine(2.0)
    machine.told()
    machine.end(WORKER)
    machine.show(TRAINING, SHELL, 0.0, 2.4)
    machine.show_machine(2.5)
    ((_, own),) = machine.told(after_s=10.0)
    assert own.spent_s == pytest.approx(2.4)
    assert own.unseen_s == pytest.approx(0.1)


def test_programs_of_one_recording_are_told_apart(tmp_path: Path) -> None:
    machine = SimulatedWork(tmp_path, roots=(TRAINING, OTHER))
    machine.told()
    machine.show(TRAINING, SHELL, 3.0)
    machine.show(OTHER, SHELL, 5.0)
    machine.show_machine(8.0)
    (works,) = machine.told()
    assert {work.root: work.spent_s for work in works} == {None: 8.0, TRAINING: 3.0, OTHER: 5.0}


def test_the_time_in_which_a_process_used_a_gpu_is_its_programs(machine: SimulatedWork) -> None:
    machine.show(WORKER, TRAINING)
    machine.gpus = {"gpu0": {WORKER: 0.5, OTHER: 0.25}}
    machine.told()
    (works,) = machine.told(after_s=4.0)
    assert works[2:] == (Work("gpu0", None, 3.0), Work("gpu0", TRAINING, 2.0))
    machine.end(WORKER)
    (works,) = machine.told(after_s=1.0)
    assert works[2:] == (Work("gpu0", None, 3.75), Work("gpu0", TRAINING, 2.5)), "its last second"


@pytest.mark.parametrize(
    ("used", "sees_all", "reason"),
    [(Failure("Not Supported"), True, "Not Supported"), ({OTHER: 0.5}, False, HIDDEN_BY_CONTAINER)],
    ids=["not supported", "another PID namespace"],
)
def test_a_gpu_whose_users_cannot_be_told_is_unknown(
    machine: SimulatedWork, used: dict[int, float] | Failure, sees_all: bool, reason: str
) -> None:
    machine.gpus = {"gpu0": used}
    seen = machine.seen()._replace(sees_all=sees_all)
    ((_, works),) = machine.log.changes(seen)
    assert works[2:] == (Work("gpu0", None, None, text=reason),)


def test_the_server_of_mps_hides_whose_use_it_is(machine: SimulatedWork) -> None:
    machine.gpus = {"gpu0": {TRAINING: 0.5}}
    machine.show(40, 1, name="nvidia-cuda-mps")
    (works,) = machine.told()
    assert works[2:] == (Work("gpu0", None, None, text=SERVED_BY_MPS),)


def test_without_a_program_that_can_be_found_all_is_unknown(tmp_path: Path) -> None:
    machine = SimulatedWork(tmp_path, roots=())
    machine.gpus = {"gpu0": {OTHER: 0.5}}
    expected = (Work(None, None, None, text=NO_PROCESS), Work("gpu0", None, None, text=NO_PROCESS))
    assert machine.told() == [expected]


def test_processor_times_that_a_container_shows_are_not_the_machines(
    machine: SimulatedWork,
) -> None:
    (machine.proc / "self").mkdir()
    mounts = (
        "9 1 0:5 / /proc rw - proc proc rw\n8 9 0:6 /proc/stat /proc/stat rw - fuse.lxcfs l r\n"
    )
    (machine.proc / "self/mountinfo").write_text(mounts)
    assert not shows_machine(machine.proc)
    seen = machine.seen()._replace(busy_s=Failure(NOT_ITS_OWN))
    ((_, works),) = machine.log.changes(seen)
    assert works == (Work(None, None, None, text=NOT_ITS_OWN),)


def test_other_processes_are_read_at_boundaries_and_now_and_then(machine: SimulatedWork) -> None:
    accounts = [machine.seen(2.0, is_boundary=False).others is not None for _ in range(7)]
    assert accounts == [True, False, False, False, False, True, False]
    assert machine.seen(1.0, is_boundary=True).others is not None


def test_looks_are_written_at_changes_at_boundaries_and_each_minute(
    machine: SimulatedWork,
) -> None:
    machine.told()
    written = []
    own_s = busy_s = 0.0
    for second in range(200):
        own_s += 0.5 if second < 100 else 0.1
        busy_s += 1.0
        machine.show(TRAINING, SHELL, own_s)
        machine.show_machine(busy_s)
        written += [second] * len(machine.told(is_boundary=False))
    assert 100 in written, "the share has changed"
    assert len(written) < 14
    assert max(b - a for a, b in pairwise(written)) <= 60


def test_the_last_look_is_written_at_the_end(machine: SimulatedWork) -> None:
    machine.told()
    machine.told(is_boundary=False)
    machine.told(is_boundary=False)
    assert len(list(machine.log.finish())) == 1
    assert list(machine.log.finish()) == []


def test_next_to_no_work_is_no_change(machine: SimulatedWork) -> None:
    machine.told()
    machine.told(is_boundary=False)
    machine.show(TRAINING, SHELL, 0.01)
    machine.show_machine(0.01)
    assert machine.told(is_boundary=False) == []
