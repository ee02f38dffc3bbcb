"""What a total sums, what it leaves out, and what it says it does not know."""

from pathlib import Path
from typing import Any

import pytest

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

ESTIMATE: dict[str, Any] = {"provenance": Provenance.ESTIMATED, "estimate_factor": 2.0}


def recorded(
    folder: Path,
    powers_w: dict[Channel, float],
    silent: tuple[Channel, ...] = (),
    refusals: tuple[Refusal, ...] = (),
) -> RecordedRun:
    """Ten seconds of channels at constant power; the silent ones are never read."""
    described = metadata(channels=(*powers_w, *silent), refusals=refusals)
    with RunFile(folder / "run.arrow", described) as file:
        for channel, power_w in powers_w.items():
            write = file.count if channel.kind == "counter" else file.show
            write(channel.name, every(0.1, 0, 10), power_w)
        file.end(10.0)
    return read_run(file.path)


def whole(run: RecordedRun) -> Breakdown:
    return run.breakdown()


def test_components_add_up_to_the_total(tmp_path: Path) -> None:
    ram = counter("dram0", Component.RAM)
    run = recorded(tmp_path, {counter("cpu0"): 50.0, counter("cpu1"): 30.0, ram: 5.0})
    told = run.breakdown(at(2), at(7))
    assert [str(part.component) for part in told.components] == ["cpu", "ram"]
    assert told.components[0].energy.value_j == pytest.approx(400.0)
    assert told.total is not None
    assert told.total.value_j == pytest.approx(425.0)
    assert told.cover.names == ("cpu0", "cpu1", "dram0")


def test_what_is_contained_is_not_counted_twice(tmp_path: Path) -> None:
    core = counter("cpu0-core", contained_in="cpu0")
    run = recorded(tmp_path, {counter(): 50.0, core: 40.0})
    told = whole(run)
    assert told.cover.names == ("cpu0",)
    (left_out,) = [seen for seen in told.channels if seen.left_out]
    assert (left_out.channel.name, left_out.left_out) == ("cpu0-core", "contained in cpu0")
    assert left_out.energy is not None


def test_counter_beats_the_gauge_of_its_device(tmp_path: Path) -> None:
    gpu = counter("gpu0", Component.GPU)
    told = whole(recorded(tmp_path, {gpu: 300.0, gauge(contained_in="gpu0"): 280.0}))
    assert told.cover.names == ("gpu0",)


def test_gauge_stands_in_for_a_counter_that_was_never_read(tmp_path: Path) -> None:
    gpu = counter("gpu0", Component.GPU)
    told = whole(recorded(tmp_path, {gauge(contained_in="gpu0"): 280.0}, silent=(gpu,)))
    assert told.cover.names == ("gpu0-power",)
    assert told.missing == ()


def test_measured_beats_estimated_of_the_same_component(tmp_path: Path) -> None:
    cpu, ram = counter("cpu-estimate", **ESTIMATE), counter("ram-e", Component.RAM, **ESTIMATE)
    told = whole(recorded(tmp_path, {counter(): 50.0, cpu: 80.0, ram: 6.0}))
    assert told.cover.names == ("cpu0", "ram-e")
    assert told.cover.estimated == ("ram-e",)
    provenances = [part.provenances for part in told.components]
    assert provenances == [(Provenance.MEASURED,), (Provenance.ESTIMATED,)]


def test_board_stands_apart_and_covers_nothing(tmp_path: Path) -> None:
    board = counter("psys", Component.BOARD)
    package = counter(contained_in="psys")
    told = whole(recorded(tmp_path, {package: 50.0, board: 90.0}))
    assert told.cover.names == ("cpu0",)


def test_total_says_what_the_machine_has_and_nothing_reads(tmp_path: Path) -> None:
    refusals = (
        Refusal("NVML", Component.GPU, "no driver", "load it", present=True),
        Refusal("dram", Component.RAM, "none", present=False),
    )
    told = whole(recorded(tmp_path, {counter(): 50.0}, refusals=refusals))
    assert [(m.what, m.reason, m.remedy) for m in told.missing] == [("gpu", "no driver", "load it")]


def test_device_that_was_never_read_is_missing_beside_one_that_was(tmp_path: Path) -> None:
    told = whole(recorded(tmp_path, {counter("cpu0"): 50.0}, silent=(counter("cpu1"),)))
    assert [(m.what, m.reason) for m in told.missing] == [("cpu1", "it was never read")]


def test_device_that_refused_is_missing_with_its_reason_and_remedy(tmp_path: Path) -> None:
    refusals = (Refusal("cpu1's file", Component.CPU, "only root", "sudo", leaves_unread="cpu1"),)
    told = whole(recorded(tmp_path, {counter("cpu0"): 50.0}, refusals=refusals))
    assert told.cover.partial == ("cpu1",)
    assert [(m.what, m.reason, m.remedy) for m in told.missing] == [("cpu1", "only root", "sudo")]


def test_nothing_read_is_unknown_not_zero(tmp_path: Path) -> None:
    told = whole(recorded(tmp_path, {}, silent=(counter(),)))
    assert told.total is None
    assert told.components == ()


def test_window_before_a_channel_appeared_does_not_know_it(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.introduce(0, counter(), 0.0)
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        file.introduce(6, counter("gpu0", Component.GPU), 0.0)
        file.count("gpu0", every(0.1, 6, 10), 300.0)
        file.end(10.0)
    run = read_run(file.path)
    early, late = run.breakdown(at(1), at(3)), run.breakdown(at(1), at(8))
    assert early.cover.names == ("cpu0",)
    assert late.cover.names == ("gpu0", "cpu0")
    assert run.energy_over(late.cover, at(1), at(3)) is None
    unread = {seen.channel.name: seen.unread_s for seen in late.channels}
    assert unread == {"cpu0": 0.0, "gpu0": pytest.approx(5.0)}


def test_half_read_window_is_bounded_by_what_the_device_can_draw(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.introduce(5, counter(max_power_w=400.0), 0.0)
        file.count("cpu0", every(0.1, 5, 10), 50.0)
        file.end(10.0)
    energy = whole(read_run(file.path)).total
    assert energy is not None
    assert energy.low_j == pytest.approx(250.0, abs=1.0)
    assert energy.high_j == pytest.approx(250.0 + 5 * 400.0, abs=5.0)
