import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.channel import Component, Kind, Provenance
from effmeter.probes.estimate.probe import EstimateProbe, HostFigures, find, host_figures
from effmeter.probes.estimate.settings import EstimateSettings
from tests.simulated.clock import ManualClock

BOTH = (Component.CPU, Component.RAM)
HUNDRED_WATTS = EstimateSettings(cpu_tdp_w=100.0)


class Host:
    """A machine of four logical processors and 16 GiB whose busy time a test sets."""

    def __init__(self) -> None:
        self.busy_s = 1000.0
        self.figures = HostFigures(lambda: self.busy_s, 4, 16 * 2**30)


def counts_j(probe: EstimateProbe) -> list[float]:
    values = [reading.value for reading in probe.read()]
    return [value * 1e-6 for value in values if isinstance(value, int)]


def test_the_processor_draws_an_idle_share_and_the_rest_as_it_is_busy() -> None:
    host, clock = Host(), ManualClock()
    probe = EstimateProbe([Component.CPU], host.figures, clock, HUNDRED_WATTS)
    clock.advance(10.0)
    assert counts_j(probe) == [pytest.approx(200.0)]
    clock.advance(10.0)
    host.busy_s += 40.0
    assert counts_j(probe) == [pytest.approx(200.0 + 1000.0)]


def test_memory_draws_by_its_size() -> None:
    clock = ManualClock()
    probe = EstimateProbe([Component.RAM], Host().figures, clock)
    clock.advance(100.0)
    assert counts_j(probe) == [pytest.approx(600.0)]


def test_a_suspended_machine_draws_nothing() -> None:
    clock = ManualClock()
    probe = EstimateProbe(BOTH, Host().figures, clock)
    clock.sleep(3600.0)
    assert counts_j(probe) == [0.0, 0.0]


def test_estimates_are_labelled_as_such() -> None:
    probe = EstimateProbe(BOTH, Host().figures, ManualClock())
    assert [channel.name for channel in probe.channels] == ["cpu-estimate", "ram-estimate"]
    for channel in probe.channels:
        assert channel.provenance is Provenance.ESTIMATED
        assert channel.kind is Kind.COUNTER
        assert channel.estimate_factor >= 2.0
        assert channel.scope
    assert "assumed" in probe.channels[0].scope


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(-0.1, 20)), max_size=30))
def test_an_estimate_never_goes_backwards(steps: list[tuple[float, float]]) -> None:
    host, clock = Host(), ManualClock()
    probe = EstimateProbe(BOTH, host.figures, clock)
    before_j = counts_j(probe)
    for elapsed_s, busy_s in steps:
        clock.advance(elapsed_s)
        host.busy_s += busy_s
        after_j = counts_j(probe)
        assert all(a >= b for a, b in zip(after_j, before_j, strict=True))
        before_j = after_j


def test_busy_time_that_steps_back_and_returns_is_not_counted_twice() -> None:
    host, clock = Host(), ManualClock()
    probe = EstimateProbe([Component.CPU], host.figures, clock, HUNDRED_WATTS)
    for change_s in (4.0, -1.0, 1.0):
        host.busy_s += change_s
        probe.read()
    assert counts_j(probe) == [pytest.approx(80.0)]


def test_the_design_power_is_taken_from_the_environment() -> None:
    found = find(BOTH, (), {"EFFMETER_CPU_TDP_W": "65"}, ManualClock())
    assert "65 W" in found.channels[0].scope
    assert found.refusals == ()


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "nan", "inf", "65W"])
def test_a_design_power_that_is_none_is_refused_in_one_line(text: str) -> None:
    found = find(BOTH, (), {"EFFMETER_CPU_TDP_W": text}, ManualClock())
    assert [channel.name for channel in found.channels] == ["ram-estimate"]
    (refusal,) = found.refusals
    assert refusal.component is Component.CPU
    assert repr(text) in refusal.reason
    assert refusal.remedy.startswith("export EFFMETER_CPU_TDP_W=")


def test_this_machine_tells_its_figures() -> None:
    figures = host_figures()
    assert figures.logical_cpus >= 1
    assert figures.ram_bytes > 2**26
    assert figures.busy_s() > 0
