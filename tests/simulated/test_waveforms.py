import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated.waveforms import Sine, Waveform, bursts, constant, parse, ramp, square

WAVEFORMS = [
    constant(42.0),
    square(20.0, 80.0, 0.5, high_fraction=0.3),
    Sine(60.0, 25.0, 0.7),
    ramp(10.0, 90.0, 2.0),
    bursts(15.0, 300.0, (0.4, 0.1, 0.05, 0.2)),
]


@pytest.mark.parametrize("waveform", WAVEFORMS)
def test_energy_is_the_integral_of_power(waveform: Waveform) -> None:
    steps, begin_s, end_s = 40_000, 0.13, 4.21
    width_s = (end_s - begin_s) / steps
    summed_j = width_s * math.fsum(
        waveform.power_w(begin_s + (i + 0.5) * width_s) for i in range(steps)
    )
    assert waveform.energy_j(begin_s, end_s) == pytest.approx(summed_j, rel=1e-3)


@given(st.sampled_from(WAVEFORMS), *[st.floats(0, 1e4)] * 3)
def test_energies_of_parts_add_up(waveform: Waveform, a: float, b: float, c: float) -> None:
    a, b, c = sorted((a, b, c))
    parts_j = waveform.energy_j(a, b) + waveform.energy_j(b, c)
    assert parts_j == pytest.approx(waveform.energy_j(a, c), abs=1e-6)


@pytest.mark.parametrize("waveform", WAVEFORMS)
def test_a_waveform_survives_being_written_down(waveform: Waveform) -> None:
    assert parse(waveform.to_text()) == waveform


@pytest.mark.parametrize("waveform", WAVEFORMS)
def test_no_power_exceeds_the_peak(waveform: Waveform) -> None:
    assert max(waveform.power_w(i * 0.01) for i in range(400)) <= waveform.peak_w + 1e-9
