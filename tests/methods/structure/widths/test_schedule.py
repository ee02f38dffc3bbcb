import pytest
from torch import nn

from effmeter.errors import UsageError
from effmeter.methods.flops.work import Flops
from effmeter.methods.structure.widths.graph import width_graph
from effmeter.methods.structure.widths.schedule import WidthSchedule, fraction_of, implied_fraction


def test_changes_are_due_at_their_iterations_and_no_others() -> None:
    schedule = WidthSchedule(start=3, every=2, steps=3)
    assert [schedule.due(n) for n in range(10)] == [0, 0, 0, 1, 0, 2, 0, 3, 0, 0]


def test_steps_are_as_even_as_whole_numbers_can_be() -> None:
    schedule = WidthSchedule(steps=12)
    assert [schedule.width(16, 64, n) for n in (0, 1, 11, 12)] == [16, 20, 60, 64]
    widths = [schedule.width(2, 9, n) for n in range(13)]
    assert widths == sorted(widths)
    assert widths[-1] == 9


def test_stages_fill_the_training() -> None:
    assert WidthSchedule().stages(78_000) == (10_000, *11 * (2_500,), 40_500)
    assert sum(WidthSchedule().stages(21_000)) == 21_000


def test_work_that_goes_with_the_width_is_weighted_by_the_stages() -> None:
    fraction = implied_fraction(Flops, WidthSchedule(10, 10, 1), 0.5, 1.0, 30)
    assert fraction == pytest.approx((10 * 0.5 + 20 * 1.0) / 30)


@pytest.mark.parametrize("settings", [{"start": 0}, {"every": 0}, {"steps": 0}])
def test_a_schedule_without_sense_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        WidthSchedule(**settings)


def test_a_width_never_falls_to_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    assert fraction_of(width_graph(model).free["0"], 0.1) == 1
