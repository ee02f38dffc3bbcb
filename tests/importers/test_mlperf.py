"""MLPerf's logs become run files whose figures are those of the logs."""

import os
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from effmeter.analysis.efficiency import efficiency_of
from effmeter.analysis.repeated_meters import repeated_among
from effmeter.channel import Component, Kind, Provenance
from effmeter.errors import LogError, UsageError
from effmeter.importers.mllog import entries
from effmeter.importers.mlperf import mlperf_log
from effmeter.importers.options import ImportOptions
from effmeter.importers.run_files import write_run
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import MetricMode
from effmeter.status import Status
from tests.importers.logs import BEGIN_MS, mllog, mlperf_run, power_log, result_log, wave

LESS_IS_BETTER = ImportOptions(metric_modes={"eval_accuracy": "min"})
MLPERF_VARIABLE = "EFFMETER_MLPERF"
PUBLISHED_J = 12_127_904
"""The energy of ten runs on one node by the Olympic mean, as published."""


def imported(
    folder: Path, target: Path, options: ImportOptions = LESS_IS_BETTER
) -> dict[str, RecordedRun]:
    """The run of a folder, by host."""
    files = write_run(
        mlperf_log([folder]), options, lambda host: target / f"{host or 'only'}.arrow"
    )
    return {file.host: read_run(file.path) for file in files}


def test_one_node_is_one_run_with_the_block_of_the_benchmark(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run-0", {"node_0": wave})
    run = imported(folder, tmp_path)["node_0"]
    assert (run.name, run.status, run.duration_s) == ("llama-run-0", Status.COMPLETED, 70.0)
    assert run.labels == {"benchmark": "llama", "seed": 3, "batch_size": 8}
    assert run.metadata.started_wall_ns == BEGIN_MS * 10**6
    assert (run.metadata.job, run.metadata.host) == ({}, {"name": "node_0"})
    channel = run.channels["wall"]
    assert (channel.component, channel.kind) == (Component.WALL, Kind.GAUGE)
    assert (channel.provenance, channel.is_gain_unknown) == (Provenance.MEASURED, True)
    assert (channel.refresh_s, channel.window_s, channel.resolution) == (2.0, 2.0, 1.0)
    energy = run.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(2 * sum(map(wave, range(10, 80, 2))), rel=0.01)
    assert energy.low_j < energy.value_j < energy.high_j
    assert run.warnings == ()


def test_blocks_are_epochs_that_last_until_their_evaluation_is_over(tmp_path: Path) -> None:
    run = imported(mlperf_run(tmp_path / "run", {"node_0": wave}), tmp_path)["node_0"]
    first, second = run.epochs
    assert (first.end_ns - first.begin_ns, second.begin_ns) == (35 * 10**9, first.end_ns)
    assert first.metrics == {"samples_count": 100, "throughput": 3.5, "eval_accuracy": 0.95}
    assert [span.name for span in run.spans] == ["evaluation", "evaluation"]
    assert {span.end_ns - span.begin_ns for span in run.spans} == {5 * 10**9}
    assert run.metric_modes == {
        "eval_accuracy": MetricMode.MIN,
        "samples_count": MetricMode.NEITHER,
        "throughput": MetricMode.NEITHER,
    }


def test_epochs_of_the_log_go_before_its_blocks(tmp_path: Path) -> None:
    power_log(tmp_path / "node.txt")
    at = [BEGIN_MS + 1000 * s for s in (10, 20, 30, 40)]
    lines = [
        mllog(at[0], "run_start"),
        mllog(at[0], "block_start", first_epoch_num=1),
        mllog(at[0], "epoch_start", epoch_num=1),
        mllog(at[1], "epoch_stop", epoch_num=1),
        mllog(at[1], "epoch_start", epoch_num=2),
        mllog(at[2], "epoch_stop", epoch_num=2),
        mllog(at[2], "block_stop", first_epoch_num=1),
        mllog(at[2], "eval_start", epoch_num=2),
        mllog(at[3], "eval_accuracy", 0.7, epoch_num=1),
        mllog(at[3], "run_stop", status="aborted"),
    ]
    (tmp_path / "result.txt").write_text("".join(lines))
    run = imported(tmp_path, tmp_path)["node"]
    assert [(e.end_ns - e.begin_ns) / 10**9 for e in run.epochs] == [10.0, 20.0]
    assert [dict(epoch.metrics) for epoch in run.epochs] == [{"eval_accuracy": 0.7}, {}]
    assert str(run.detailed_status) == "failed: aborted"


def test_nodes_of_a_run_are_one_job_with_its_metrics_once(tmp_path: Path) -> None:
    nodes = {"node_1": wave, "node_2": lambda s: 2 * wave(s)}
    folder = mlperf_run(tmp_path / "run", nodes)
    (folder / "sw_0.txt").write_text(mllog(5, "interconnect_power_est", 16100, switch_id="a"))
    runs = imported(folder, tmp_path)
    assert list(runs) == ["node_1", "node_2", "sw_0"]
    metadata = [run.metadata for run in runs.values()]
    assert len({described.job["id"] for described in metadata}) == 1
    assert len({described.run_id for described in metadata}) == 1, "they are of one run"
    assert [(m.job["rank"], m.job["host_count"]) for m in metadata] == [(0, 3), (1, 3), (2, 3)]
    assert [len(run.epochs) for run in runs.values()] == [2, 2, 2]
    assert [bool(run.metrics) for run in runs.values()] == [True, False, False]
    (job,) = read_runs(tmp_path)
    assert [part.metadata.host["name"] for part in job.by_host] == list(runs)
    assert dict(job.epochs[1].metrics)["eval_accuracy"] == 0.9
    stated = runs["sw_0"]
    energy = stated.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(16100 * 70)
    assert (energy.low_j, energy.high_j) == pytest.approx(
        (16100 * 70 / 2, 16100 * 70 * 2), rel=0.05
    )
    assert stated.breakdown().cover.estimated == ("sw_0/stated",)


def test_the_direction_of_what_is_evaluated_is_unknown_unless_it_is_stated(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"node_0": wave})
    run = imported(folder, tmp_path, ImportOptions())["node_0"]
    assert run.metric_modes["eval_accuracy"] is MetricMode.UNKNOWN


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (":::MLLOG {\n", "no JSON"),
        (":::MLLOG []\n", "has no key"),
        (':::MLLOG {"key": "power_reading", "time_ms": "now", "value": 1}\n', "time_ms is no time"),
        (mllog(BEGIN_MS, "power_reading", -1), "no power in watts: '-1'"),
        (mllog(BEGIN_MS, "power_reading", "high"), "no power in watts: 'high'"),
        (mllog(BEGIN_MS + 5, "power_reading", 1) + mllog(BEGIN_MS, "power_reading", 1), "sort"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, reason: str) -> None:
    log = tmp_path / "node.txt"
    log.write_text(mllog(BEGIN_MS, "power_reading", 5) + line)
    with pytest.raises(LogError, match=rf"line [23].*{reason}"):
        imported(tmp_path, tmp_path)
    assert list(tmp_path.glob("*.arrow")) == []


def test_logs_that_are_not_of_one_run_are_refused(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"node_0": wave})
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LogError, match="empty holds no file"):
        mlperf_log([empty])
    with pytest.raises(LogError, match="no line holds a power_reading"):
        mlperf_log([folder / "result.txt"])
    result_log(folder / "another.txt")
    with pytest.raises(UsageError, match="logs of several runs"):
        mlperf_log([folder])


def test_readings_at_another_time_than_the_training_are_refused(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"node_0": wave})
    power_log(folder / "node_0.txt", begin_ms=BEGIN_MS + 3_600_000)
    with pytest.raises(LogError, match="lie at different times"):
        imported(folder, tmp_path)


def test_output_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "result.txt"
    log.write_bytes(b"\xff\xfe" + b"x" * 200_000 + b"\n" + mllog(7, "seed", 1).encode())
    assert [entry.key for entry in entries(log)] == ["seed"]


@pytest.fixture(scope="module")
def published() -> Path:
    """The folder of the published logs."""
    folder = os.environ.get(MLPERF_VARIABLE)
    if folder is None:
        pytest.skip(f"{MLPERF_VARIABLE} does not name the folder of MLPerf's logs")
    return Path(folder)


def clipped_j(folder: Path) -> float:
    """Each reading times the time to the next, within run_start and run_stop: the rule there."""
    found = {e.key: e.time_ns for e in entries(folder / "result.txt")}
    begin_ns, end_ns = found["run_start"], found["run_stop"]
    node = entries(folder / "node_0.txt")
    readings = [(e.time_ns, e.number() or 0.0) for e in node if e.key == "power_reading"]
    return sum(
        power_w * max(0, min(after_ns, end_ns) - max(at_ns, begin_ns)) * 1e-9
        for (at_ns, power_w), (after_ns, _) in pairwise(readings)
    )


def test_the_eight_logs_of_a_run_are_those_of_four_meters(published: Path, tmp_path: Path) -> None:
    runs = imported(published / "8-node" / "run-0", tmp_path)
    assert len(runs) == 9, "eight nodes and the switches"
    found = repeated_among([*runs.values()])
    assert found is not None
    assert [set(group.names) for group in found.groups] == [
        {"node_1", "node_2"},
        {"node_3", "node_7"},
        {"node_4", "node_5"},
        {"node_6", "node_8"},
    ]
    assert found.counted is not None
    assert found.once is not None
    switches = runs["sw_0"].energy()
    assert switches is not None
    (job,) = read_runs(tmp_path)
    energy = job.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(found.counted.value_j)
    judged = efficiency_of(job)
    assert judged is not None
    assert (judged.metric, judged.mode, len(judged.epochs)) == ("eval_accuracy", "min", 5)
    nodes = found.counted - switches
    assert (found.once - switches).value_j == pytest.approx(nodes.value_j / 2)


def test_ten_runs_of_one_node_give_the_published_energy(published: Path, tmp_path: Path) -> None:
    energies, durations_s = [], []
    for number in range(10):
        folder = published / "1-node" / f"run-{number}"
        run = imported(folder, tmp_path / str(number))["node_0"]
        energy = run.energy()
        assert energy is not None
        assert energy.value_j == pytest.approx(clipped_j(folder), rel=0.005)
        energies.append(energy.value_j)
        durations_s.append(run.duration_s)
    order = sorted(range(10), key=durations_s.__getitem__)[1:-1]
    olympic_j = fmean(energies[place] for place in order)
    assert olympic_j == pytest.approx(PUBLISHED_J, rel=0.005)
