"""Field values: every figure checked by its own answer, and each joule counted once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind
from effmeter.cover import choose_cover
from effmeter.probes.base import Failure, Reading
from effmeter.probes.nvidia.probe import NvmlProbe, find
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import (
    AVERAGE,
    GPU_IS_LOST,
    INSTANT,
    INVALID_ARGUMENT,
    MEMORY,
    MODULE,
    NO_PERMISSION,
    NOT_SUPPORTED,
    UNKNOWN_ERROR,
    Fault,
    SimulatedField,
    SimulatedGpu,
    uuid,
)
from tests.simulated.waveforms import constant, square

STEADY = SimulatedGpu(constant(300.0))
HOPPER = replace(STEADY, fields=(AVERAGE, INSTANT, MEMORY))
GRACE_HOPPER = replace(HOPPER, name="NVIDIA GH200 480GB", fields=(*HOPPER.fields, MODULE))
NO_COUNTER = Fault(NOT_SUPPORTED)


def values(readings: Iterable[Reading]) -> dict[str, int | float | Failure]:
    return {reading.channel: reading.value for reading in readings}


def by_name(probe: NvmlProbe) -> Mapping[str, Channel]:
    return {channel.name: channel for channel in probe.channels}


def summed(channels: Iterable[Channel], unread: Iterable[str] = ()) -> tuple[str, ...]:
    channels = list(channels)
    return choose_cover(channels, {c.name for c in channels} - set(unread)).names


def test_a_hopper_shows_average_instant_and_memory_power_inside_its_counter(
    bench: NvmlBench,
) -> None:
    probe = bench.probe([HOPPER])
    described = by_name(probe)
    assert {name: channel.contained_in for name, channel in described.items()} == {
        "gpu0": None,
        "gpu0-power-average": "gpu0",
        "gpu0-power-instant": "gpu0-power-average",
        "gpu0-power-memory": "gpu0-power-instant",
    }
    assert {c.component for c in probe.channels} == {Component.GPU}
    shown = values(probe.read())
    assert (shown["gpu0-power-average"], shown["gpu0-power-instant"]) == (300.0, 300.0)
    assert shown["gpu0-power-memory"] == pytest.approx(60.0)
    probe.close()


def test_each_gauge_averages_over_its_own_window(bench: NvmlBench) -> None:
    waveform = square(100.0, 500.0, 2.0)
    gpu = replace(HOPPER, waveform=waveform)
    probe = bench.probe([gpu])
    bench.clock.advance(1.5)
    bench.show([gpu])
    shown = values(probe.read())
    for name, window_s in (("average", 1.0), ("instant", 0.025)):
        mean_w = waveform.energy_j(1.5 - window_s, 1.5) / window_s
        assert shown[f"gpu0-power-{name}"] == pytest.approx(mean_w, abs=2e-3)
        assert by_name(probe)[f"gpu0-power-{name}"].window_s == window_s
    probe.close()


@pytest.mark.parametrize(
    ("architecture", "capability", "timing"),
    [
        (4, (6, 1), (0.02, 0.01)),
        (5, (7, 0), (0.02, 0.01)),
        (6, (7, 5), (0.1, 0.1)),
        (7, (8, 0), (0.1, 0.025)),
        (7, (8, 6), (0.1, 0.1)),
        (8, (8, 9), (0.1, 0.1)),
        (9, (9, 0), (0.1, 0.025)),
        (10, (10, 0), (0.1, 0.025)),
        (0xFFFFFFFF, (0, 0), (0.1, 0.025)),
    ],
)
def test_how_much_of_the_time_instant_power_sees_depends_on_the_generation(
    bench: NvmlBench, architecture: int, capability: tuple[int, int], timing: tuple[float, float]
) -> None:
    gpu = replace(STEADY, architecture=architecture, capability=capability, fields=(INSTANT,))
    probe = bench.probe([gpu])
    gauge = by_name(probe)["gpu0-power-instant"]
    assert (gauge.refresh_s, gauge.window_s) == timing
    probe.close()


@pytest.mark.parametrize("value_type", range(7))
def test_a_value_is_taken_from_where_its_type_says(bench: NvmlBench, value_type: int) -> None:
    field = replace(INSTANT, value_type=value_type, share=0.1)
    probe = bench.probe([replace(STEADY, fields=(field,))])
    assert values(probe.read())["gpu0-power-instant"] == 30.0
    probe.close()


def test_a_value_of_an_unknown_type_is_no_figure(bench: NvmlBench) -> None:
    gpu = replace(STEADY, fields=(replace(INSTANT, value_type=7), AVERAGE))
    probe = bench.probe([gpu])
    assert list(by_name(probe)) == ["gpu0", "gpu0-power-average"]
    bench.show([replace(gpu, fields=(replace(AVERAGE, value_type=99),))])
    told = values(probe.read())["gpu0-power-average"]
    assert isinstance(told, Failure)
    assert "a value of unknown type 99" in told.reason
    probe.close()


def test_what_stands_for_no_value_is_not_a_power(bench: NvmlBench) -> None:
    probe = bench.probe([HOPPER])
    absent = replace(INSTANT, share=(2**32 - 1) / 300e3)
    bench.show([replace(HOPPER, fields=(AVERAGE, absent, MEMORY))])
    shown = values(probe.read())
    assert isinstance(shown["gpu0-power-instant"], Failure)
    assert shown["gpu0-power-average"] == 300.0
    probe.close()


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, GPU_IS_LOST, UNKNOWN_ERROR])
def test_a_field_that_fails_in_mid_run_fails_alone(bench: NvmlBench, code: int) -> None:
    probe = bench.probe([HOPPER])
    failing = replace(INSTANT, fault=Fault(code))
    bench.show([replace(HOPPER, fields=(AVERAGE, failing, MEMORY))])
    shown = values(probe.read())
    failed = {name for name, value in shown.items() if isinstance(value, Failure)}
    assert failed == {"gpu0-power-instant"}
    reason = shown["gpu0-power-instant"]
    assert isinstance(reason, Failure)
    assert reason.reason.startswith("nvmlDeviceGetFieldValues(POWER_INSTANT): ")
    bench.show([HOPPER])
    assert values(probe.read())["gpu0-power-instant"] == 300.0
    probe.close()


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, GPU_IS_LOST, UNKNOWN_ERROR])
def test_a_device_that_fails_in_mid_run_gives_no_figure_and_no_zero(
    bench: NvmlBench, code: int
) -> None:
    probe = bench.probe([HOPPER, HOPPER])
    bench.show([replace(HOPPER, lost=Fault(code)), HOPPER])
    shown = values(probe.read())
    assert len(shown) == 8
    assert all(isinstance(v, Failure) == n.startswith("gpu0") for n, v in shown.items())
    bench.show([HOPPER, HOPPER])
    assert not any(isinstance(value, Failure) for value in values(probe.read()).values())
    probe.close()


@pytest.mark.parametrize("code", [NOT_SUPPORTED, INVALID_ARGUMENT, UNKNOWN_ERROR])
def test_a_driver_without_field_values_is_read_by_its_older_calls(
    bench: NvmlBench, code: int
) -> None:
    probe = bench.probe([replace(HOPPER, fields_fault=Fault(code))])
    assert list(by_name(probe)) == ["gpu0", "gpu0-power"]
    assert probe.refusals == ()
    probe.close()


def test_a_counter_is_read_by_its_field_where_its_call_is_not_there(bench: NvmlBench) -> None:
    energy = SimulatedField(83, value_type=3)
    gpu = replace(HOPPER, energy_fault=NO_COUNTER, fields=(*HOPPER.fields, energy), start_mj=7_000)
    probe = bench.probe([gpu])
    assert by_name(probe)["gpu0"].source == "nvmlDeviceGetFieldValues(TOTAL_ENERGY)"
    bench.clock.advance(2.0)
    bench.show([gpu])
    assert values(probe.read())["gpu0"] == 7_000 + 600_000
    probe.close()


def test_of_several_gauges_without_a_counter_only_the_one_that_sees_all_counts(
    bench: NvmlBench,
) -> None:
    probe = bench.probe([replace(HOPPER, energy_fault=NO_COUNTER)])
    assert by_name(probe)["gpu0-power-average"].contained_in is None
    assert summed(probe.channels) == ("gpu0-power-average",)
    probe.close()


@pytest.mark.parametrize(
    ("unread", "counted"),
    [
        ((), ("gpu0",)),
        (("gpu0",), ("gpu0-power-average",)),
        (("gpu0", "gpu0-power-average"), ("gpu0-power-instant",)),
        (("gpu0", "gpu0-power-average", "gpu0-power-instant"), ()),
    ],
)
def test_whatever_answers_a_gpu_counts_once_and_its_memory_never_alone(
    bench: NvmlBench, unread: tuple[str, ...], counted: tuple[str, ...]
) -> None:
    probe = bench.probe([HOPPER])
    assert summed(probe.channels, unread) == counted
    probe.close()


def test_a_module_stands_apart_from_the_total(bench: NvmlBench) -> None:
    probe = bench.probe([replace(HOPPER, fields=(INSTANT, MODULE))])
    module = by_name(probe)["gpu0-module-power"]
    assert module.component is Component.BOARD
    assert module.max_power_w is None
    assert by_name(probe)["gpu0"].contained_in == "gpu0-module-power"
    assert values(probe.read())["gpu0-module-power"] == pytest.approx(480.0)
    assert summed(probe.channels) == ("gpu0",)
    probe.close()


def test_the_counter_of_a_grace_hopper_is_its_modules_and_the_gpu_is_its_gauge(
    bench: NvmlBench,
) -> None:
    probe = bench.probe([GRACE_HOPPER])
    described = by_name(probe)
    assert "gpu0" not in described
    counter = described["gpu0-module"]
    assert (counter.component, counter.kind) == (Component.BOARD, Kind.COUNTER)
    assert "GPU, processor and memory" in counter.scope
    assert counter.max_power_w is None, "the limit is the GPU's, not the module's"
    assert described["gpu0-module-power"].contained_in == "gpu0-module"
    assert summed(probe.channels) == ("gpu0-power-average",)
    assert probe.refusals == ()
    probe.close()


def test_a_grace_hopper_without_a_figure_of_its_gpu_alone_says_so(bench: NvmlBench) -> None:
    bench.show([replace(GRACE_HOPPER, fields=(MODULE,), power_fault=Fault(NOT_SUPPORTED))])
    found = find(Path("/nonexistent"), bench.clock)
    assert [c.name for c in found.channels] == ["gpu0-module", "gpu0-module-power"]
    cover = choose_cover(found.channels, {c.name for c in found.channels}, found.refusals)
    assert (cover.names, cover.missing) == ((), (Component.GPU,))
    assert "takes in the whole module" in found.refusals[0].reason
    found.probes[0].close()


@pytest.mark.parametrize("scope", [MODULE, MEMORY])
def test_a_part_that_shows_nothing_is_taken_for_none(
    bench: NvmlBench, scope: SimulatedField
) -> None:
    probe = bench.probe([replace(STEADY, fields=(INSTANT, replace(scope, share=0.0)))])
    assert list(by_name(probe)) == ["gpu0", "gpu0-power-instant"]
    probe.close()


def test_mig_instances_share_the_figures_of_their_gpu_and_its_scope_says_so(
    bench: NvmlBench,
) -> None:
    names = ["MIG-11111111-0000-4000-8000-000000000000", "MIG-22222222-0000-4000-8000-000000000000"]
    probe = bench.probe([replace(HOPPER, mig_instances=names), replace(HOPPER, mig_instances=())])
    shared = "the whole GPU, shared by its 2 MIG instances"
    described = by_name(probe)
    assert described["gpu0"].scope == described["gpu0-power-average"].scope == shared
    assert uuid(0) in described["gpu0"].device
    assert described["gpu1"].scope == ""
    assert [gpu.mig_instances for gpu in probe.gpus] == [tuple(names), None]
    probe.close()


def test_a_gpu_that_refuses_whole_leaves_itself_unread_beside_the_others(
    bench: NvmlBench,
) -> None:
    bench.show([HOPPER, replace(HOPPER, lost=Fault(GPU_IS_LOST))])
    found = find(Path("/nonexistent"), bench.clock)
    (refusal,) = found.refusals
    assert refusal.leaves_unread == "gpu1"
    cover = choose_cover(found.channels, {c.name for c in found.channels}, found.refusals)
    assert (cover.names, cover.partial) == (("gpu0",), ("gpu1",))
    found.probes[0].close()


def test_a_counter_that_refuses_beside_a_gauge_that_answers_leaves_nothing_unread(
    bench: NvmlBench,
) -> None:
    bench.show([replace(HOPPER, energy_fault=Fault(NO_PERMISSION))])
    found = find(Path("/nonexistent"), bench.clock)
    (refusal,) = found.refusals
    assert "GetTotalEnergyConsumption" in refusal.source
    assert "sudo" in refusal.remedy
    assert refusal.leaves_unread == ""
    found.probes[0].close()
