"""The sum over runs counts what they measured of one machine once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from effmeter.analysis.machine_energy import union_energy
from effmeter.channel import Channel, Component, Provenance
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from tests.recorded.nested_runs import POWER_W, Inner, write_nested
from tests.runfile.writing import WALL_NS, RunFile, at, counter, every, metadata

CPU = counter()
GPUS = [counter(f"gpu{place}", Component.GPU, device=f"GPU-{place}") for place in (0, 1)]
ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.0)


def measured(
    path: Path, begin_s: float, end_s: float, channels: Sequence[Channel], boot: str = "a"
) -> RecordedRun:
    """A recording of its own at constant power of each channel."""
    described = metadata(
        name=path.name,
        run_id=path.name,
        channels=tuple(channels),
        host={"name": "host", "boot_id": boot},
        started_time_ns=at(begin_s),
        started_wall_ns=WALL_NS + round(begin_s * 1e9),
    )
    with RunFile(path, described) as file:
        for channel in channels:
            file.count(channel.name, every(0.1, begin_s, end_s), POWER_W)
        file.end(end_s)
    return read_run(path)


def joules(runs: Sequence[RecordedRun]) -> float:
    energy = union_energy(runs).energy
    assert energy is not None
    return energy.value_j


def test_the_runs_inside_a_command_are_part_of_it(tmp_path: Path) -> None:
    inner = [Inner("a", 1, 4), Inner("b", 3, 6), Inner("c", 7, 8)]
    runs = read_runs(write_nested(tmp_path / "run.arrow", inner))
    found = union_energy(runs)
    assert found.energy is not None
    assert found.energy.value_j == pytest.approx(10 * POWER_W)
    assert (found.nested, found.overlapping) == ((1, 2, 3), (1, 2))
    assert joules(runs[1:]) == pytest.approx(6 * POWER_W, rel=1e-3), "1 to 6, and 7 to 8"


def test_recordings_that_overlapped_count_the_machine_once(tmp_path: Path) -> None:
    runs = [measured(tmp_path / "a", 0, 6, [CPU]), measured(tmp_path / "b", 4, 10, [CPU])]
    assert joules(runs) == pytest.approx(10 * POWER_W, rel=1e-3)
    assert union_energy(runs).overlapping == (0, 1)
    apart = [runs[0], measured(tmp_path / "c", 4, 10, [CPU], boot="b")]
    assert joules(apart) == pytest.approx(12 * POWER_W, rel=1e-3)
    assert union_energy(apart).overlapping == ()


def test_devices_that_only_one_of_them_used_count_for_its_time(tmp_path: Path) -> None:
    runs = [
        measured(tmp_path / "a", 0, 6, [CPU, GPUS[0]]),
        measured(tmp_path / "b", 4, 10, [CPU, GPUS[1]]),
    ]
    assert joules(runs) == pytest.approx((10 + 6 + 6) * POWER_W, rel=1e-3)


def test_different_sensors_of_one_component_are_not_added(tmp_path: Path) -> None:
    runs = [measured(tmp_path / "a", 0, 6, [CPU]), measured(tmp_path / "b", 4, 10, [ESTIMATE])]
    found = union_energy(runs)
    assert found.energy is None
    assert found.refused == "a (a) and b (b) overlapped and count different sensors of the same cpu"
    meter = counter("wall", Component.WALL)
    beside = [measured(tmp_path / "w", 0, 6, [meter]), runs[1]]
    assert "the wall of one contains what the other counts" in union_energy(beside).refused
    apart = [runs[0], measured(tmp_path / "c", 7, 10, [ESTIMATE])]
    assert joules(apart) == pytest.approx(9 * POWER_W, rel=1e-3)


def test_errors_of_separate_recordings_are_independent(tmp_path: Path) -> None:
    first, second = (
        measured(tmp_path / name, 20 * i, 20 * i + 6, [CPU]) for i, name in enumerate("ab")
    )
    widths = [energy.half_width_j for run in (first, second) if (energy := run.energy())]
    apart = union_energy([first, second]).energy
    assert apart is not None
    assert apart.half_width_j == pytest.approx((widths[0] ** 2 + widths[1] ** 2) ** 0.5)
    inner = [Inner("a", 1, 4), Inner("b", 5, 8)]
    runs = read_runs(write_nested(tmp_path / "run.arrow", inner))[1:]
    together = union_energy(runs).energy
    assert together is not None
    widths = [energy.half_width_j for run in runs if (energy := run.energy())]
    assert together.half_width_j == pytest.approx(sum(widths))


def test_a_run_without_an_energy_is_named_and_adds_nothing(tmp_path: Path) -> None:
    runs = [measured(tmp_path / "a", 0, 6, [CPU]), measured(tmp_path / "b", 0, 6, [])]
    found = union_energy(runs)
    assert found.unknown == (1,)
    assert joules(runs) == pytest.approx(6 * POWER_W)
    assert union_energy(runs[1:]).energy is None


def test_a_wall_meter_without_a_boot_is_not_added_to_sensors_of_its_host(tmp_path: Path) -> None:
    wall = counter("wall", Component.WALL)
    runs = [measured(tmp_path / "a", 0, 6, [CPU]), measured(tmp_path / "b", 4, 10, [wall], boot="")]
    found = union_energy(runs)
    assert found.energy is None
    assert "a (a) and b (b) overlapped, and the wall of one contains" in found.refused
    later = measured(tmp_path / "c", 6, 10, [wall], boot="")
    assert joules([runs[0], later]) == pytest.approx(10 * POWER_W, rel=1e-3)
