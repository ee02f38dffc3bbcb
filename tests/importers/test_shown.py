"""Energies that count on, and energies of intervals."""

import pytest

from effmeter.errors import UsageError
from effmeter.importers.shown import Shown, is_interval_energy
from effmeter.importers.survey import MeterSurvey


def survey(rises: int, falls: int) -> MeterSurvey:
    return MeterSurvey(0, 1, rises=rises, falls=falls)


def test_a_count_begins_at_its_first_value_and_goes_on_after_a_reset() -> None:
    meter = Shown(is_interval=False)
    resets = [meter.take(ns, value) for ns, value in ((0, 100.0), (1, 130.0), (2, 5.0), (3, 6.0))]
    assert meter.energy_j == 36.0
    assert [reset is None for reset in resets] == [True, True, False, True]
    assert resets[2] is not None
    row = resets[2].row("wall")
    assert (row.time_ns, row.duration_s, row.text) == (1, 1e-9, "the meter was reset")
    assert row.value is None, "what was used before the reset is unknown"


def test_the_first_interval_lies_before_the_record() -> None:
    meter = Shown(is_interval=True)
    assert all(meter.take(ns, value) is None for ns, value in ((0, 9.0), (1, 3.0), (2, 4.0)))
    assert meter.energy_j == 7.0


def test_values_decide_which_they_are_or_the_user_does() -> None:
    assert not is_interval_energy("log", [survey(500, 2)])
    assert is_interval_energy("log", [survey(30, 28)])
    for unclear in (survey(3, 0), survey(90, 10), survey(0, 0)):
        with pytest.raises(UsageError, match="--energy cumulative or --energy interval"):
            is_interval_energy("log", [unclear])
