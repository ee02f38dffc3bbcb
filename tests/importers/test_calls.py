"""Logs are imported from Python as on the command line."""

from pathlib import Path
from typing import Any

import pytest

import effmeter
from effmeter.errors import LogError
from effmeter.recorded.joint_run import JointRun
from tests.importers.logs import mlperf_run, wave

ROWS = "".join(f"2024-05-09T12:{m:02}:{s:02},1,5\n" for m in range(3) for s in range(0, 60, 2))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pdu.csv"
    path.write_text(f"time,power [kW],other\n{ROWS}")
    return path


def test_a_table_is_imported(table: Path, tmp_path: Path) -> None:
    epochs = tmp_path / "epochs.csv"
    epochs.write_text("begin,end,loss\n2024-05-09T12:00:30,2024-05-09T12:01:30,5\n")
    (path,) = effmeter.import_csv(
        *(table, tmp_path / "run.arrow"),
        timezone="UTC",
        epochs=epochs,
        labels={"size": 1},
        host="node",
        accuracy_fraction=0.01,
        metric_modes={"loss": "min"},
    )
    run = effmeter.read_run(path)
    assert (run.name, dict(run.labels)) == ("pdu", {"size": 1})
    energy = run.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(60_000)
    assert [dict(epoch.metrics) for epoch in run.epochs] == [{"loss": 5.0}]


def test_the_logs_of_a_job_that_are_imported_one_by_one_are_one_run(
    table: Path, tmp_path: Path
) -> None:
    for host in ("a", "b"):
        into = tmp_path / "runs" / f"{host}.arrow"
        effmeter.import_csv(table, into, timezone="UTC", host=host, job="7")
        effmeter.import_csv(table, tmp_path / "runs" / f"{host}-2.arrow", timezone="UTC", job=host)
    found = effmeter.read_runs(tmp_path / "runs")
    assert len(found) == 3
    (joint,) = [run for run in found if isinstance(run, JointRun)]
    energy = joint.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(2 * 178_000)
    assert joint.missing_hosts == ()


def test_the_logs_of_a_run_of_mlperf_are_imported(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"a": wave, "b": wave})
    written = effmeter.import_mlperf(folder, tmp_path / "runs", stated_power_w={"switches": 50.0})
    assert sorted(path.stem for path in written) == [
        "llama-run-a",
        "llama-run-b",
        "llama-run-switches",
    ]
    (run,) = effmeter.read_runs(tmp_path / "runs")
    assert run.is_joint


def test_readings_of_one_moment_determine_no_energy(tmp_path: Path) -> None:
    table, path = tmp_path / "one.csv", tmp_path / "one.arrow"
    for rows in ("2024-05-09T12:00:00Z,100\n", "2024-05-09T12:00:00Z,100\n" * 3):
        table.write_text(f"time,power_w\n{rows}")
        with pytest.raises(LogError, match="all of one moment, which determines no energy"):
            effmeter.import_csv(table, path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"host": " "}, "host is empty"),
        ({"job": ""}, "job is empty"),
        ({"energy": "kWh"}, "energy is one of cumulative, interval, not 'kWh'"),
        ({"time_unit": "min"}, "time_unit is one of s, ms, us, ns"),
        ({"component": "fan"}, "component is one of "),
        ({"unit": "hp"}, "is no unit"),
        ({"timezone": "Mars"}, "is no time zone"),
        ({"begin": "noon"}, "begin: 'noon' is no time"),
        ({"accuracy_fraction": 2.0}, "accuracy_fraction is from 0 to 1"),
        ({"averaging_s": float("nan")}, "averaging_s is 0 or more"),
        ({"stated_power_w": {"x": 0.0}}, "the stated power of 'x' is above 0 W"),
        ({"value_columns": "none"}, "no column is called 'none'"),
    ],
)
def test_an_argument_without_a_meaning_is_refused(
    table: Path, tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    given = {"timezone": "UTC", **arguments}
    with pytest.raises(effmeter.UsageError, match=words):
        effmeter.import_csv(table, tmp_path / "run.arrow", **given)
    assert not (tmp_path / "run.arrow").exists()
