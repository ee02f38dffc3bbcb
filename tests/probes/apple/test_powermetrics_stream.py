import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.probes.apple.powermetrics_stream import (
    LARGEST_SAMPLE_BYTES,
    EnergyTotals,
    Sample,
    SampleCutter,
    parse_sample,
)
from effmeter.probes.base import Failure
from tests.simulated.powermetrics import sample_text

ENERGIES = {"cpu": 1923.0, "gpu": 5807.0, "ane": 0.0}
TEXT = sample_text(ENERGIES, 5_015_000_000)


def told(**entries: object) -> bytes:
    return plistlib.dumps({"elapsed_ns": 2_000_000_000, **entries})


def test_a_sample_tells_its_own_length_and_energies() -> None:
    assert parse_sample(TEXT) == Sample(5_015_000_000, ENERGIES)


@given(st.lists(st.integers(1, len(TEXT)), max_size=8), st.booleans())
def test_samples_are_the_same_however_their_bytes_arrive(sizes: list[int], newline: bool) -> None:
    stream = (TEXT + (b"\0\n" if newline else b"\0")) * 3
    cutter, cut = SampleCutter(), []
    for size in [*sizes, len(stream)]:
        cut.extend(cutter.feed(stream[:size]))
        stream = stream[size:]
    assert cut == [Sample(5_015_000_000, ENERGIES)] * 3
    assert not cutter.is_amid_sample


@given(st.binary(max_size=200))
def test_whatever_is_printed_is_a_sample_or_a_failure(text: bytes) -> None:
    assert isinstance(parse_sample(text), Sample | Failure)
    assert isinstance(parse_sample(b"<plist>" + text + b"</plist>"), Sample | Failure)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_a_damaged_sample_never_stops_the_stream(place: int, byte: int) -> None:
    damaged = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
    cutter = SampleCutter()
    cut = cutter.feed(damaged + b"\0" + TEXT + b"\0" + TEXT)
    assert cut[-1] == Sample(5_015_000_000, ENERGIES)


def test_a_half_sample_before_a_whole_one_is_a_failure() -> None:
    (half,) = SampleCutter().feed(TEXT[: len(TEXT) // 2] + TEXT)
    assert isinstance(half, Failure)


def test_endless_output_without_a_sample_is_dropped_and_said() -> None:
    cutter = SampleCutter()
    (failure,) = cutter.feed(b"x" * (LARGEST_SAMPLE_BYTES + 1))
    assert isinstance(failure, Failure)
    assert cutter.feed(TEXT) == [Sample(5_015_000_000, ENERGIES)]


def test_the_mean_power_stands_in_for_an_energy_that_is_not_shown() -> None:
    sample = parse_sample(told(processor={"cpu_power": 1500.0}, gpu={"gpu_energy": 7}))
    assert sample == Sample(2_000_000_000, {"cpu": 3000.0, "gpu": 7.0})


def test_energies_of_zero_beside_powers_are_not_believed() -> None:
    processor = {"cpu_energy": 0, "cpu_power": 5000.0, "gpu_energy": 0, "gpu_power": 1500.0}
    sample = parse_sample(told(processor={**processor, "ane_energy": 0, "ane_power": 0}))
    assert sample == Sample(2_000_000_000, {"cpu": 10_000.0, "gpu": 3000.0, "ane": 0.0})


def test_an_energy_of_zero_beside_those_that_are_not_believed_is_unknown() -> None:
    processor = {"cpu_energy": 0, "cpu_power": 5000.0, "gpu_energy": 0, "ane_energy": 0}
    assert parse_sample(told(processor=processor)) == Sample(2_000_000_000, {"cpu": 10_000.0})
    resting = {"cpu_energy": 9, "cpu_power": 4.5, "gpu_energy": 0, "ane_energy": 0}
    sample = parse_sample(told(processor=resting))
    assert sample == Sample(2_000_000_000, {"cpu": 9.0, "gpu": 0.0, "ane": 0.0})


@pytest.mark.parametrize(
    "processor",
    [
        {"package_joules": 25.5, "package_watts": 12.75},
        {"package_joules": 0, "package_watts": 12.75},
        {"package_watts": 12.75},
    ],
)
def test_an_intel_mac_shows_its_package_in_joules(processor: dict[str, float]) -> None:
    assert parse_sample(told(processor=processor)) == Sample(2_000_000_000, {"package": 25_500.0})


@pytest.mark.parametrize("value", ["many", -1, True, float("nan"), [3]])
def test_an_energy_that_is_none_is_not_taken_for_zero(value: object) -> None:
    assert parse_sample(told(processor={"cpu_energy": value})) == Sample(2_000_000_000, {})


@pytest.mark.parametrize("text", [plistlib.dumps([1]), plistlib.dumps({}), told(elapsed_ns=0)])
def test_what_has_no_length_is_no_sample(text: bytes) -> None:
    assert isinstance(parse_sample(text), Failure)


def test_samples_add_up_and_a_missing_rail_breaks_only_its_own_counter() -> None:
    totals = EnergyTotals()
    totals.add(Sample(10**9, {"cpu": 10.5, "gpu": 4.0, "ane": 0.0}))
    second = totals.add(Sample(10**9, {"cpu": 10.5, "ane": 0.0}))
    assert second["cpu"] == 21
    assert second["ane"] == 0
    assert isinstance(second["gpu"], Failure)
    third = totals.add(Sample(10**9, {"cpu": 1.0, "gpu": 4.0, "ane": 0.0}))
    assert third["cpu"] == 22
    gpu = third["gpu"]
    assert isinstance(gpu, int)
    assert gpu > 10**12, "what the GPU used meanwhile is unknown: its counter must not go on"
