"""The figures of a run against the powers that made them, and what readers are told to heed."""

import json
from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.recorded.reading import read_run
from effmeter.report.contents import RunSummary
from effmeter.report.summary import summarise
from effmeter.runfile.format import Event
from tests.report.runs import CPU_W, GPU_W, write_plain, write_troubled
from tests.runfile.writing import RunFile, counter, every, gauge, metadata


@pytest.fixture
def plain(tmp_path: Path) -> RunSummary:
    return summarise(read_run(write_plain(tmp_path / "plain.arrow")))


@pytest.fixture
def troubled(tmp_path: Path) -> RunSummary:
    return summarise(read_run(write_troubled(tmp_path / "troubled.arrow")))


def test_plain_run_is_told_in_figures(plain: RunSummary) -> None:
    assert (plain.name, plain.status, plain.stopped_by) == ("lenet-1", "completed", "max-epochs")
    assert (plain.epoch_count, plain.labels) == (4, {"size": 1})
    assert plain.duration_s == pytest.approx(10.0)
    assert plain.begin == "2025-10-09T08:53:20+00:00"
    assert plain.cautions == ()


def test_energies_are_power_times_time(plain: RunSummary) -> None:
    found = {part.component: part.energy.value_j for part in plain.components}
    assert found == {"gpu": pytest.approx(10 * GPU_W), "cpu": pytest.approx(10 * CPU_W)}
    assert plain.total is not None
    assert plain.total.energy.value_j == pytest.approx(10 * (CPU_W + GPU_W))
    assert plain.total.channels == ("gpu0", "cpu0")
    assert plain.total.provenance == "measured"


def test_metrics_have_their_end_and_their_best(plain: RunSummary) -> None:
    accuracy, loss = plain.metrics
    assert (accuracy.final, accuracy.best, accuracy.best_epoch) == (0.91, 0.92, 3)
    assert (loss.final, loss.best_epoch) == (0.25, 4)


def test_eq_2_counts_from_the_first_epoch(plain: RunSummary) -> None:
    assert plain.efficiency is not None
    final, best = plain.efficiency.final, plain.efficiency.best
    assert final.value_per_j == pytest.approx(0.91 / (8 * (CPU_W + GPU_W)))
    assert best is not None
    assert best.epoch == 1
    assert best.low_per_j <= best.value_per_j <= best.high_per_j


def test_epochs_have_their_own_energy(plain: RunSummary) -> None:
    energies = [epoch.energy.value_j for epoch in plain.epochs if epoch.energy is not None]
    assert energies == pytest.approx([2 * (CPU_W + GPU_W)] * 4)
    assert plain.epochs[1].begin_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    "caution",
    [
        "interrupted: the figures are of what was written until then",
        "epoch 2 did not end",
        "estimated, not measured: ram-estimate",
        "without soc (no driver)",
        "gpu0-power was not read for 6 s of 10 s: bounded there, not measured",
        "no Eq 2: no epoch has both a metric that should rise and a known energy",
        "recorder: the disk is full",
        "12 marks were dropped: epochs or metrics may be missing",
        "powercap: 3 readings came too late for their schedule",
        "the machine slept for 30 s during the run",
        "gpu0-power was shared with up to 2 other processes",
    ],
)
def test_everything_amiss_is_said(troubled: RunSummary, caution: str) -> None:
    assert caution in troubled.cautions


def test_run_that_shared_its_processors_is_marked_with_who_did_most(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for time_s, value, text in ((2, 1.0, "20 %"), (4, 3.0, "50 %: cc1 (7)"), (6, 0.0, "")):
            file.event(time_s, Event.CONTENTION, value=value, text=text)
        file.event(7, Event.CONTENTION, channel="gpu0", text="in a container")
        file.end(10.0)
    (caution,) = summarise(read_run(file.path)).cautions
    assert caution == "the processors were shared with up to 3 other processes (50 %: cc1 (7))"


def test_nothing_else_is_said(troubled: RunSummary) -> None:
    assert len(troubled.cautions) == 12


def test_gap_is_told_with_its_reason(troubled: RunSummary) -> None:
    (gap,) = troubled.gaps
    assert (gap.channel, gap.reason, gap.open) == ("gpu0-power", "GPU is lost", True)
    assert gap.begin_s == pytest.approx(4.0)


def test_summary_is_json_without_what_json_cannot_hold(troubled: RunSummary) -> None:
    mapping = json.loads(json.dumps(troubled.as_mapping(), allow_nan=False))
    assert mapping["metrics"][0]["final"] is None
    assert mapping["total"]["energy"]["value_j"] > 0
    assert mapping["efficiency"] is None


def test_gauge_and_counter_that_disagree_are_named(tmp_path: Path) -> None:
    inner = gauge(contained_in="gpu0", window_s=0.1)
    described = metadata(channels=(counter("gpu0", Component.GPU), inner))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.count("gpu0", every(0.1, 0, 10), 300.0)
        file.show("gpu0-power", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    (caution,) = summarise(read_run(file.path)).cautions
    assert caution == "gauge and counter disagree: gpu0-power 1.00 kJ, gpu0 3.00 kJ"


def test_gauge_that_looks_part_of_the_time_is_named(tmp_path: Path) -> None:
    described = metadata(channels=(gauge(window_s=0.025),))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.show("gpu0-power", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    (caution,) = summarise(read_run(file.path)).cautions
    assert caution.startswith("gpu0-power looks 25 % of the time")


def test_programs_that_are_not_judged_are_told(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for root in (1, 2):
            file.join(root, json.dumps({"name": f"model-{root}"}), root=root)
            file.epoch(1, 2.0 * root, 2.0 * root + 1, root=root, accuracy=0.5)
        file.end(10.0)
    summary = summarise(read_run(file.path))
    assert summary.cautions == ("2 programs logged epochs: metrics and Eq 2 are of the first",)
    assert [source.epochs for source in summary.sources] == [1, 1]


def test_ranks_are_judged_together(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for rank in (0, 1):
            source = f"host/{rank}/{rank + 10}"
            file.join(0, json.dumps({"rank": rank}), source)
            file.epoch(1, 2, 4, source, accuracy=0.5)
        file.end(10.0)
    summary = summarise(read_run(file.path))
    assert summary.cautions == ()
    assert [source.rank for source in summary.sources] == [0, 1]
