"""Processor time of programs: children that ended keep theirs, and what may be lost is bounded."""

import pytest

from effmeter.recorder.observers.cgroups import Cgroup
from effmeter.recorder.observers.processes import Process
from effmeter.recorder.observers.processor_time import ProcessorTimes

INIT, SHELL, TRAINING, WORKER, GRANDCHILD, OTHER = 1, 10, 20, 21, 22, 30


def process(pid: int, parent: int, own_s: float = 0.0, waited_s: float = 0.0) -> Process:
    return Process(pid, parent, 1, 100.0 + pid, "", own_s, waited_s)


class Machine:
    """Takes one look after another at the processes of a program and of all others."""

    def __init__(self) -> None:
        self.times = ProcessorTimes()

    def look(
        self,
        *members: Process,
        busy_s: float | None = None,
        others: tuple[Process, ...] = (),
        cgroup_s: float | None = None,
    ) -> tuple[float, float]:
        """What the program has done, and how much more it may be; with an account if asked."""
        found = {p.pid: p for p in members}
        cgroup = Cgroup("/job", cgroup_s or 0.0, frozenset(found))
        cgroups = {} if cgroup_s is None else {TRAINING: cgroup}
        self.times.look(found, dict.fromkeys(found, TRAINING), cgroups)
        if busy_s is not None:
            self.times.account(busy_s, {p.pid: p for p in others}, {INIT, SHELL})
        time = self.times.programs[TRAINING]
        return time.spent_s, time.unseen_s


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_work_from_before_the_first_look_does_not_count(machine: Machine) -> None:
    assert machine.look(process(TRAINING, SHELL, 50.0, 20.0)) == (0.0, 0.0)
    assert machine.look(process(TRAINING, SHELL, 53.0, 20.0)) == (3.0, 0.0)


def test_a_child_counts_from_its_beginning(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL))
    spent_s, _ = machine.look(process(TRAINING, SHELL, 1.0), process(WORKER, TRAINING, 0.5))
    assert spent_s == 1.5


def test_a_child_that_was_waited_for_counts_once_and_to_its_end(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL))
    machine.look(process(TRAINING, SHELL), process(WORKER, TRAINING, 2.0))
    assert machine.look(process(TRAINING, SHELL, 0.0, 2.6))[0] == pytest.approx(2.6)


def test_a_child_between_two_looks_counts_with_its_parent(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL))
    assert machine.look(process(TRAINING, SHELL, 0.0, 0.7))[0] == 0.7


def test_a_chain_of_children_that_waited_for_each_other_counts_once(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL))
    machine.look(
        process(TRAINING, SHELL), process(WORKER, TRAINING, 1.0), process(GRANDCHILD, WORKER, 2.0)
    )
    assert machine.look(process(TRAINING, SHELL, 0.0, 3.5))[0] == pytest.approx(3.5)


def test_a_child_that_was_not_waited_for_keeps_what_was_seen_of_it(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL))
    machine.look(process(TRAINING, SHELL), process(WORKER, TRAINING, 2.0))
    assert machine.look(process(TRAINING, SHELL, 0.5))[0] == 2.5


def test_what_a_lost_child_may_have_done_is_bounded_by_the_account(machine: Machine) -> None:
    stranger = process(OTHER, SHELL)
    machine.look(process(TRAINING, SHELL), busy_s=100.0, others=(stranger,))
    machine.look(process(TRAINING, SHELL), process(WORKER, TRAINING, 2.0))
    worked = process(OTHER, SHELL, 4.0)
    spent_s, unseen_s = machine.look(process(TRAINING, SHELL, 0.5), busy_s=107.5, others=(worked,))
    assert spent_s == 2.5
    assert unseen_s == pytest.approx(1.0), "7.5 s in all, less 2.5 and 4"


def test_what_an_orphan_did_may_lie_with_the_ancestors_that_waited_for_it(machine: Machine) -> None:
    init = process(INIT, 0)
    machine.look(process(TRAINING, SHELL), busy_s=0.0, others=(init,))
    waited = process(INIT, 0, 0.1, 3.0)
    _, unseen_s = machine.look(process(TRAINING, SHELL, 1.0), busy_s=4.1, others=(waited,))
    assert unseen_s == pytest.approx(3.0)


def test_children_of_other_processes_are_theirs(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL), busy_s=0.0, others=(process(OTHER, 40),))
    waited = process(OTHER, 40, 1.0, 2.0)
    _, unseen_s = machine.look(process(TRAINING, SHELL, 1.0), busy_s=4.0, others=(waited,))
    assert unseen_s == pytest.approx(0.0)


def test_a_cgroup_of_its_own_tells_all_of_it(machine: Machine) -> None:
    machine.look(process(TRAINING, SHELL), busy_s=0.0, cgroup_s=7.0)
    machine.look(process(TRAINING, SHELL, 1.0), cgroup_s=9.5)
    spent_s, unseen_s = machine.look(process(TRAINING, SHELL, 1.5), busy_s=10.0, cgroup_s=11.0)
    assert (spent_s, unseen_s) == (4.0, 0.0)


def test_without_the_cgroup_at_some_look_its_processes_and_the_account_count(
    machine: Machine,
) -> None:
    machine.look(process(TRAINING, SHELL), busy_s=0.0, cgroup_s=7.0)
    machine.look(process(TRAINING, SHELL, 1.0))
    spent_s, unseen_s = machine.look(process(TRAINING, SHELL, 2.0), busy_s=5.0, cgroup_s=11.0)
    assert (spent_s, unseen_s) == (2.0, 3.0)


def test_a_program_inside_another_has_its_own_time_from_when_it_joins(machine: Machine) -> None:
    outer, inner = process(TRAINING, SHELL, 1.0), process(WORKER, TRAINING, 5.0)
    machine.look(outer, inner)
    members = {p.pid: p for p in (outer, inner._replace(busy_s=8.0))}
    machine.times.look(members, {TRAINING: TRAINING, WORKER: WORKER}, {})
    programs = machine.times.programs
    assert (programs[TRAINING].spent_s, programs[WORKER].spent_s) == (0.0, 3.0)
    assert (programs[TRAINING].processes, programs[WORKER].processes) == (1, 1)
