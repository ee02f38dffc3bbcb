"""When the machine is looked over, and that a driver that hangs or fails stops nothing."""

import threading
from collections.abc import Mapping

import pytest

from effmeter.probes.base import Failure
from effmeter.recorder.observers.machine import MachineObserver, MachineSources
from effmeter.recorder.observers.observer import Cadence, PeriodicObserver
from effmeter.recorder.observers.processes import Process
from tests.recording import PATIENCE_S, eventually
from tests.simulated.clock import ManualClock

pytestmark = pytest.mark.untimed

CADENCE = Cadence(settle_s=0.05, period_s=0.05, longest_s=0.2, load_fraction=0.001)
INIT = Process(1, 0, 1, 0.0, "init", 0.0, 0.0)


class Surroundings:
    """A machine whose work and GPU users a test sets; it counts how often it is listed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.busy_s = 0.0
        self.gpu_users: tuple[int, ...] = ()
        self.listings = 0
        machine = MachineSources(self.users, self.processes, lambda: self.busy_s)
        self.machine_observer = MachineObserver(machine, self.clock)

    def users(self) -> Mapping[str, tuple[int, ...] | Failure]:
        return {"gpu0": self.gpu_users}

    def processes(self) -> Mapping[int, Process]:
        self.listings += 1
        return {1: INIT}

    def observe(self, busy_s: float = 0.0, *, has_joined: bool = False) -> bool:
        """Five seconds later, after so much work: whether the processes were listed."""
        self.clock.advance(5.0)
        self.busy_s += busy_s
        return self.machine_observer.observe(has_joined).processes is not None


def test_processes_are_listed_only_when_they_can_matter() -> None:
    machine = Surroundings()
    assert machine.observe(), "the first time"
    assert not machine.observe(busy_s=1.0), "next to idle"
    assert machine.observe(busy_s=5.0), "somebody works"
    machine.gpu_users = (7,)
    assert machine.observe(), "somebody came to a GPU"
    assert not machine.observe()


def test_processes_are_listed_when_somebody_has_joined() -> None:
    machine = Surroundings()
    machine.observe()
    assert machine.observe(has_joined=True)


def test_snapshots_come_once_somebody_is_recorded_and_not_at_rest() -> None:
    machine = Surroundings()
    rare = Cadence(settle_s=0.05, period_s=60.0, longest_s=60.0, load_fraction=0.001)
    observer = PeriodicObserver("observer-test", machine.machine_observer.observe, rare)
    observer.start()
    assert observer.drain() == []
    observer.observe_soon()
    took_s = eventually(lambda: bool(observer.drain()), "it looks around")
    assert took_s > rare.settle_s / 2
    observer.rest()
    observer.stop()
    assert machine.listings == 1


def test_who_has_joined_is_looked_for_again_where_the_machine_did_not_answer() -> None:
    asked: list[bool] = []

    def observe(has_joined: bool) -> str:
        asked.append(has_joined)
        if len(asked) == 1:
            raise OSError("no answer")
        return "seen"

    observer = PeriodicObserver("observer-test", observe, CADENCE)
    observer.start()
    observer.observe_soon()
    eventually(lambda: len(asked) > 2, "it asks again and again")
    observer.stop()
    assert asked[:3] == [True, True, False]
    assert set(observer.drain()) == {"seen"}


def test_a_look_that_costs_much_is_taken_more_rarely_down_to_a_limit() -> None:
    assert CADENCE.wait_s(cost_s=1e-6) == CADENCE.period_s
    assert CADENCE.wait_s(cost_s=1e-4) == 0.1
    assert CADENCE.wait_s(cost_s=1.0) == CADENCE.longest_s


def test_an_observation_at_a_boundary_is_taken_at_once_and_can_be_waited_for() -> None:
    asked: list[bool] = []
    seen = threading.Event()
    rare = Cadence(settle_s=60.0, period_s=60.0, longest_s=60.0, load_fraction=0.001)
    observer = PeriodicObserver("observer-test", asked.append, rare, seen.set)
    observer.start()
    assert observer.is_quiet
    observer.observe_now()
    assert seen.wait(PATIENCE_S)
    eventually(lambda: observer.is_quiet, "it is in")
    observer.stop()
    assert asked == [True]


def test_boundaries_that_follow_each_other_fast_share_an_observation() -> None:
    looked: list[bool] = []

    def observe(is_boundary: bool) -> None:
        looked.append(is_boundary)
        sum(range(300_000))  # some milliseconds of processor time

    observer = PeriodicObserver("observer-test", observe, CADENCE)
    observer.start()
    observer.observe_now()
    eventually(lambda: bool(looked) and observer.is_quiet, "the first")
    for _ in range(100):
        observer.observe_now()
    assert observer.is_quiet
    observer.stop()
