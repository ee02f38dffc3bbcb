"""Conditions in the answers of AMD's library, in the shapes of its versions."""

from typing import Any

import pytest

from effmeter.channel import Condition
from effmeter.probes.amd.conditions import conditions_of
from effmeter.probes.base import Conditions, Failure

CAP = "amdsmi_get_power_cap_info"


def conditions(metrics: Any, cap: Any = None) -> Conditions:
    failure = Failure("not supported")
    return conditions_of(lambda call: (cap if call == CAP else metrics) or failure)


def test_figures_are_in_the_units_of_their_conditions() -> None:
    metrics = {
        "current_gfxclk": 2100,
        "current_uclk": 1300,
        "temperature_hotspot": 61,
        "throttle_status": 0,
    }
    found = conditions(metrics, {"power_cap": 750_000_000})
    assert found.values == {
        Condition.CLOCK: 2.1e9,
        Condition.MEMORY_CLOCK: 1.3e9,
        Condition.TEMPERATURE: 61.0,
        Condition.POWER_LIMIT: 750.0,
    }
    assert found.throttled == {"the driver's limits": 0.0}


@pytest.mark.parametrize("unknown", ["N/A", 65535, None])
def test_what_is_not_shown_gives_way_to_the_next_figure(unknown: object) -> None:
    metrics = {
        "current_gfxclk": unknown,
        "current_gfxclks": [2000, unknown, 2100],
        "temperature_hotspot": unknown,
        "temperature_edge": 50,
        "throttle_status": 4,
    }
    found = conditions(metrics)
    assert found.values == {Condition.CLOCK: 2.05e9, Condition.TEMPERATURE: 50.0}
    assert found.throttled == {"the driver's limits": 1.0}


def test_a_library_that_refuses_shows_nothing() -> None:
    assert conditions(None) == Conditions({}, {})
