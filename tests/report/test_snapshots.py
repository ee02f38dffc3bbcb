"""The whole text of reports, at the widths of a pipe and of a narrow terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter
from tests.analysis.labelled_runs import labelled_run
from tests.recorded.job_files import Host
from tests.recorded.nested_runs import Inner, write_nested
from tests.report.runs import write_plain, write_spans, write_troubled
from tests.snapshot import assert_matches

WIDTHS = {"wide": {}, "60": {"COLUMNS": "60"}}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_plain(tmp_path / "plain.arrow")
    write_troubled(tmp_path / "troubled.arrow")
    write_spans(tmp_path / "spans.arrow")
    return tmp_path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for name, power_w in (("lenet", 50.0), ("bcnn", 100.0)):
        for size in (1, 2):
            path = tmp_path / f"{name}-{size}.arrow"
            labelled_run(
                path, power_w=power_w * size, architecture=name, dataset="digits", size=size
            )
    return tmp_path


def report(width: str, *arguments: object) -> str:
    result = CliRunner(env=WIDTHS[width]).invoke(effmeter, ["report", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["plain", "troubled", "spans"])
def test_one_run(runs: Path, name: str, width: str) -> None:
    assert_matches(report(width, runs / f"{name}.arrow"), f"report-{name}-{width}", folder=runs)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("options", [(), ("--details",), ("--epochs",)], ids=" ".join)
def test_several_runs(runs: Path, options: tuple[str, ...], width: str) -> None:
    name = "-".join(("report-several", *(option.strip("-") for option in options), width))
    assert_matches(report(width, *options, runs), name, folder=runs)


@pytest.mark.parametrize("options", [(), ("--details",)], ids=" ".join)
def test_runs_inside_a_command(tmp_path: Path, options: tuple[str, ...]) -> None:
    trials = [
        Inner("trial", 1, 4, None, {"lr": 0.1}, (0.5, 0.6), run_id="trial-0"),
        Inner("trial", 3, 9, None, {"lr": 0.2}, (0.7,), "failed: ValueError", run_id="trial-1"),
        Inner("prepare", 1, 2, parent="trial-0"),
    ]
    path = write_nested(tmp_path / "own.arrow", trials)
    name = "-".join(("report-nested", *(option.strip("-") for option in options)))
    assert_matches(report("wide", *options, path), name, folder=tmp_path)


@pytest.mark.parametrize("options", [(), ("--details",)], ids=" ".join)
def test_a_job_over_several_hosts(tmp_path: Path, options: tuple[str, ...]) -> None:
    job = {"id": "job-7", "host_count": 3}
    Host("a", 0, 20.0, job=job).write(tmp_path)
    Host("b", 1, 50.0, begin_s=1000.0, epochs_s=(4.0,), job=job).write(tmp_path)
    name = "-".join(("report-job", *(option.strip("-") for option in options)))
    assert_matches(report("wide", *options, tmp_path), name, folder=tmp_path)


@pytest.mark.parametrize("options", [(), ("--epochs",)], ids=" ".join)
def test_csv(runs: Path, options: tuple[str, ...]) -> None:
    name = "-".join(("report-csv", *(option.strip("-") for option in options)))
    assert_matches(report("wide", "--csv", *options, runs), name, folder=runs)


@pytest.mark.parametrize("width", WIDTHS)
def test_efficiency(labelled: Path, width: str) -> None:
    text = report(width, "--stop", "epochs=2", "--stop", "accuracy=0.85", labelled)
    assert_matches(text, f"report-efficiency-{width}", folder=labelled)
