"""The analysis of a run against the powers that made it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.analysis.idle import IdleBaseline, IdlePower
from effmeter.analysis.run_analysis import RunAnalysis, analyse
from effmeter.errors import MeasurementError
from effmeter.recorded.reading import read_run
from tests.report.runs import CPU_W, GPU_W, write_plain
from tests.runfile.writing import RunFile, counter, every, metadata

IDLE = IdleBaseline(
    "host",
    "2026-01-01T00:00:00+00:00",
    60.0,
    {
        "cpu0": IdlePower("", 10.0, 9.0, 11.0, 0.0),
        "gpu0": IdlePower("", 60.0, 59.0, 61.0, 0.0),
    },
)


@pytest.fixture
def plain(tmp_path: Path) -> RunAnalysis:
    """Ten seconds at 50 W and 200 W, with four epochs of two seconds."""
    return analyse(read_run(write_plain(tmp_path / "plain.arrow")))


def test_an_ordinary_run_has_its_epochs_and_no_warning(plain: RunAnalysis) -> None:
    assert (plain.run.status, plain.stopped_by) == ("completed", "max-epochs")
    assert plain.ended_epochs == 4
    assert plain.warnings == ()


def test_energies_are_power_times_time(plain: RunAnalysis) -> None:
    found = {part.component: part.energy.value_j for part in plain.breakdown.components}
    assert found == {"gpu": pytest.approx(10 * GPU_W), "cpu": pytest.approx(10 * CPU_W)}
    assert plain.breakdown.total is not None
    assert plain.breakdown.total.value_j == pytest.approx(10 * (CPU_W + GPU_W))
    assert plain.breakdown.cover.names == ("gpu0", "cpu0")


def test_metrics_have_their_end_and_their_best(plain: RunAnalysis) -> None:
    accuracy, loss = plain.metrics
    assert (accuracy.final, accuracy.best, accuracy.best_epoch) == (0.91, 0.92, 3)
    assert (loss.final, loss.best_epoch) == (0.25, 4)


def test_eq_2_counts_from_the_first_epoch(plain: RunAnalysis) -> None:
    assert plain.efficiency is not None
    final, best = plain.efficiency.final, plain.efficiency.best
    assert final.value_per_j == pytest.approx(0.91 / (8 * (CPU_W + GPU_W)))
    assert best is not None
    assert best.epoch.number == 1
    assert best.low_per_j <= best.value_per_j <= best.high_per_j


def test_epochs_have_their_own_energy_and_efficiency(plain: RunAnalysis) -> None:
    epochs = plain.run.lead_epochs
    energies = [epoch.energy.value_j for epoch in epochs if epoch.energy is not None]
    assert energies == pytest.approx([2 * (CPU_W + GPU_W)] * 4)
    point = plain.epoch_efficiency(epochs[1])
    assert point is not None
    assert point.value_per_j == pytest.approx(0.9 / (4 * (CPU_W + GPU_W)))


def test_an_epoch_without_the_metric_has_no_efficiency(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), CPU_W)
        file.epoch(1, 1, 3, accuracy=0.5)
        file.epoch(2, 3, 5)
        file.end(10.0)
    analysis = analyse(read_run(file.path))
    has_efficiency = [
        analysis.epoch_efficiency(epoch) is not None for epoch in analysis.run.lead_epochs
    ]
    assert has_efficiency == [True, False]


def test_ranks_are_judged_together(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for rank in (0, 1):
            source = f"host/{rank}/{rank + 10}"
            file.join(0, json.dumps({"rank": rank}), source)
            file.epoch(1, 2, 4, source, accuracy=0.5)
        file.end(10.0)
    analysis = analyse(read_run(file.path))
    assert (analysis.ended_epochs, analysis.warnings) == (1, ())
    assert [source.rank for source in analysis.run.sources] == [0, 1]


def test_without_an_idle_baseline_nothing_is_net(plain: RunAnalysis) -> None:
    assert plain.net is None


def test_net_energy_is_gross_less_idle_power_times_the_duration(plain: RunAnalysis) -> None:
    net = analyse(plain.run, idle=IDLE).net
    assert net is not None
    assert net.total.value_j == pytest.approx(10 * (CPU_W + GPU_W - 70))
    assert net.baseline is IDLE


def test_a_baseline_of_a_machine_that_was_not_idle_is_a_warning(plain: RunAnalysis) -> None:
    idle = replace(IDLE, warnings=("it slept",))
    assert analyse(plain.run, idle=idle).warnings == (
        "the machine was not idle when its idle power was measured: it slept",
    )


def test_a_baseline_of_another_host_does_not_fit(plain: RunAnalysis) -> None:
    with pytest.raises(MeasurementError, match="the idle baselines on elsewhere"):
        analyse(plain.run, idle=replace(IDLE, host="elsewhere"))
