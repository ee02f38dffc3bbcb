"""The first pass: what it keeps of a meter does not grow, and is right."""

import pytest

from effmeter.errors import LogError, UsageError
from effmeter.importers.survey import MOST_HOSTS, Reading, survey_of


def reading(time_s: float, value: float = 1.0, host: str = "a", decimals: int = 0) -> Reading:
    return Reading(7, round(time_s * 1e9), host, "", value, decimals)


def test_a_meter_is_described_by_its_readings() -> None:
    values = [(0, 5.0), (2, 6.0), (2, 9.0), (4, 6.0), (6, 5.0), (30, 7.0)]
    (meter,) = survey_of((reading(t, v) for t, v in values), "log")["a"].values()
    assert (meter.first_ns, meter.last_ns, meter.readings) == (0, 30 * 10**9, 5)
    assert (meter.rises, meter.falls, meter.repeats, meter.spacing_s) == (2, 1, 1, 2.0)


def test_a_long_log_keeps_few_spacings() -> None:
    counted: list[int] = []
    readings = (reading(0.1 * n) for n in range(150_000))
    (meter,) = survey_of(readings, "log", counted.append)["a"].values()
    assert meter.spacing_s == pytest.approx(0.1)
    assert len(meter._spacings_ns) < 5000
    assert counted == [65536, 131072]


def test_times_that_step_back_and_logs_of_nothing_are_refused() -> None:
    with pytest.raises(LogError, match=r"log, line 7: .* sort the log"):
        survey_of([reading(2), reading(1)], "log")
    with pytest.raises(LogError, match="holds no reading"):
        survey_of([], "log")
    assert len(survey_of([reading(2), reading(1, host="b")], "log")) == 2, "each for itself"


def test_a_column_that_names_no_hosts_is_refused() -> None:
    readings = (reading(1, host=str(n)) for n in range(MOST_HOSTS + 1))
    with pytest.raises(UsageError, match="more than 256 hosts"):
        survey_of(readings, "log")
