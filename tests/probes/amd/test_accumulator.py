from effmeter.probes.amd.accumulator import CounterWatch
from effmeter.probes.base import Failure
from tests.simulated.amd.gpu import COUNTER_UNIT_J

STEP_S = 0.1


class Bench:
    """A counter and a gauge that a test moves by hand, ten looks a second."""

    def __init__(self) -> None:
        self.time_ns = 0
        self.count = 1000
        self.watch = CounterWatch(0, self.count, COUNTER_UNIT_J)

    def look(self, power_w: float | None, counted_j: float = 0.0, after_s: float = STEP_S) -> bool:
        """Whether the counter is believed after a step."""
        self.time_ns += round(after_s * 1e9)
        self.count += int(counted_j / COUNTER_UNIT_J)
        judged = self.watch.judge(self.time_ns, self.count, power_w)
        if not isinstance(judged, Failure):
            assert judged == self.count
        return not isinstance(judged, Failure)

    def reason(self, power_w: float | None) -> str:
        judged = self.watch.judge(self.time_ns, self.count, power_w)
        assert isinstance(judged, Failure)
        return judged.reason


def test_a_counter_that_moves_is_believed() -> None:
    bench = Bench()
    assert all(bench.look(300.0, 30.0) for _ in range(20))


def test_a_counter_is_never_believed_before_it_has_moved() -> None:
    bench = Bench()
    assert not any(bench.look(300.0) for _ in range(3))
    assert bench.reason(300.0).endswith("first read while the GPU draws 300 W")
    assert not any(bench.look(None) for _ in range(3))
    assert not bench.look(0.0)
    assert bench.look(300.0, 30.0)


def test_a_counter_that_stops_while_power_is_drawn_is_doubted_and_the_reason_says_so() -> None:
    bench = Bench()
    bench.look(300.0, 30.0)
    believed = [bench.look(300.0) for _ in range(10)]
    assert believed == [True] * 3 + [False] * 7
    assert bench.reason(300.0) == "the counter stands still while the GPU draws 300 W"


def test_a_counter_of_a_gpu_that_is_switched_off_may_rest() -> None:
    bench = Bench()
    bench.look(40.0, 4.0)
    assert all(bench.look(0.0) for _ in range(50))
    assert bench.look(40.0, 4.0)


def test_a_counter_that_rests_where_no_gauge_answers_is_unknown() -> None:
    bench = Bench()
    bench.look(40.0, 4.0)
    assert not [bench.look(None) for _ in range(10)][-1]
    assert "no gauge" in bench.reason(None)


def test_a_counter_that_catches_up_counted_all_along() -> None:
    bench = Bench()
    bench.look(300.0, 30.0)
    assert not [bench.look(300.0) for _ in range(10)][-1]
    assert bench.look(300.0, 330.0)
    assert bench.look(300.0, 30.0)


def test_a_counter_that_lost_what_was_drawn_is_never_believed_again() -> None:
    bench = Bench()
    bench.look(300.0, 30.0)
    assert not [bench.look(300.0) for _ in range(10)][-1]
    assert not any(bench.look(300.0, 30.0) for _ in range(20))
    assert "30 J for the 330 J" in bench.reason(300.0)


def test_a_gauge_that_lags_behind_a_gpu_falling_asleep_does_no_harm() -> None:
    bench = Bench()
    bench.look(40.0, 4.0)
    assert not [bench.look(power_w) for power_w in (40.0, 30.0, 20.0, 15.0, 10.0, 5.0)][-1]
    assert bench.look(0.0)
    assert bench.look(0.0, after_s=600.0)
    assert bench.look(40.0, 1.0)


def test_what_happened_while_nobody_looked_raises_no_doubt() -> None:
    bench = Bench()
    bench.look(40.0, 4.0)
    assert bench.look(40.0, after_s=3600.0), "it may have slept meanwhile"
    assert bench.look(40.0, 4.0)


def test_a_reset_after_a_standstill_is_for_the_counters_arithmetic_to_judge() -> None:
    bench = Bench()
    bench.look(300.0, 30.0)
    assert not [bench.look(300.0) for _ in range(10)][-1]
    assert bench.look(300.0, -40.0)
