"""When the machine is looked over, and that a driver that hangs or fails stops nothing."""

from collections.abc import Mapping

from effmeter.probes.base import Failure
from effmeter.recorder.processes import Process
from effmeter.recorder.watch import SETTLE_S, Machine, Watch
from tests.recording import eventually
from tests.simulated.clock import ManualClock

INIT = Process(1, 0, 1, 0.0, "init", 0.0, 0.0)


class Surroundings:
    """A machine whose work and GPU users a test sets; it counts how often it is listed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.busy_s = 0.0
        self.gpu_users: tuple[int, ...] = ()
        self.listings = 0
        self.watch = Watch(Machine(self.users, self.processes, lambda: self.busy_s), self.clock)

    def users(self) -> Mapping[str, tuple[int, ...] | Failure]:
        return {"gpu0": self.gpu_users}

    def processes(self) -> Mapping[int, Process]:
        self.listings += 1
        return {1: INIT}

    def look(self, busy_s: float = 0.0) -> bool:
        """Five seconds later, after so much work: whether the processes were listed."""
        self.clock.advance(5.0)
        self.busy_s += busy_s
        return self.watch.look().processes is not None


def test_processes_are_listed_only_when_they_can_matter() -> None:
    machine = Surroundings()
    assert machine.look(), "the first time"
    assert not machine.look(busy_s=1.0), "next to idle"
    assert machine.look(busy_s=5.0), "somebody works"
    machine.gpu_users = (7,)
    assert machine.look(), "somebody came to a GPU"
    assert not machine.look()


def test_processes_are_listed_when_somebody_has_joined() -> None:
    machine = Surroundings()
    machine.look()
    machine.watch.look_soon()
    assert machine.look()


def test_snapshots_come_once_somebody_is_recorded_and_not_at_rest() -> None:
    machine = Surroundings()
    machine.watch.start()
    assert machine.watch.take() == []
    machine.watch.look_soon()
    took_s = eventually(lambda: bool(machine.watch.take()), "it looks around")
    assert took_s > SETTLE_S / 2
    machine.watch.rest()
    machine.watch.stop()
    assert machine.listings == 1


def test_a_machine_that_does_not_answer_is_asked_again() -> None:
    machine, failures = Surroundings(), [OSError("no answer")]

    def users() -> Mapping[str, tuple[int, ...] | Failure]:
        if failures:
            raise failures.pop()
        return {}

    watch = Watch(Machine(users, machine.processes, lambda: 0.0), machine.clock)
    watch.start()
    watch.look_soon()
    eventually(lambda: not failures, "it asks, and gets no answer")
    watch.look_soon()
    eventually(lambda: bool(watch.take()), "it asks again")
    watch.stop()
