"""``effmeter report`` as it is called: files, directories, what goes wrong with them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from effmeter.recorded.reading import read_run
from effmeter.report.formatting import energy_figure
from tests.analysis.labelled_runs import labelled_run
from tests.report.runs import write_plain, write_troubled
from tests.runfile.writing import RunFile, counter, every, metadata


def report(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, ["report", *map(str, arguments)])


def test_text_and_json_hold_the_same_energy(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "plain.arrow")
    total = read_run(path).energy()
    assert total is not None
    shown, told = report(path), json.loads(report(path, "--json").stdout)
    assert told["runs"][0]["total"]["energy"]["value_j"] == total.value_j
    assert energy_figure(total) in shown.stdout
    assert (shown.exit_code, shown.stderr) == (0, "")


def test_directory_gives_all_its_runs(tmp_path: Path) -> None:
    write_plain(tmp_path / "one.arrow", "one")
    write_troubled(tmp_path / "two.arrow")
    told = json.loads(report(tmp_path, "--json").stdout)
    assert [run["name"] for run in told["runs"]] == ["one", "[bold]troubled[/bold]"]


def test_epochs_are_told_on_request(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "plain.arrow")
    assert "since epoch 1" in report(path, "--epochs").stdout
    assert "since epoch 1" not in report(path).stdout


def test_metric_can_be_chosen(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "plain.arrow")
    assert "loss per kJ" in report(path, "--metric", "loss").stdout


def test_the_better_direction_of_a_metric_can_be_given(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for number, reward in ((1, 7.0), (2, 5.0)):
            file.epoch(number, 2.0 * number, 2.0 * number + 2, reward=reward)
        file.end(10.0)
    unknown = report(file.path, "--metric", "reward").stdout
    assert "7 at epoch 1" not in unknown
    assert "add --metric reward:max or reward:min" in unknown
    rising = report(file.path, "--metric", "reward:max").stdout
    assert "5 at the end, best 7 at epoch 1" in rising
    assert "at its best, epoch 1" in rising
    assert "add --metric" not in rising
    falling = report(file.path, "--metric", "reward:min").stdout
    assert "5 at the end, best 5 at epoch 2" in falling
    assert "Eq 2: 1/reward per kJ" in falling


@pytest.mark.parametrize("metric", ["reward", "reward:max", "accuracy:up", ":max"])
def test_metric_of_no_run_is_refused_with_or_without_its_direction(
    tmp_path: Path, metric: str
) -> None:
    result = report(write_plain(tmp_path / "plain.arrow"), "--metric", metric)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("effmeter: no run logged the metric ")


def test_metric_that_no_run_logged_is_a_mistake_of_usage(tmp_path: Path) -> None:
    result = report(write_plain(tmp_path / "plain.arrow"), "--metric", "bleu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("effmeter: no run logged the metric 'bleu'; logged: accuracy, loss\n")


def test_metric_that_some_runs_lack_is_said_of_them(tmp_path: Path) -> None:
    one, two = write_plain(tmp_path / "one.arrow"), write_troubled(tmp_path / "two.arrow")
    result = report(one, two, "--metric", "loss", "--details")
    assert result.exit_code == 0
    assert "! no metric 'loss': the run logged accuracy" in result.stdout


def test_one_unreadable_file_does_not_hide_the_others(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "plain.arrow")
    odd = tmp_path / "odd.arrow"
    odd.write_text("no run at all")
    result = report(odd, path)
    assert result.exit_code == 1
    assert result.stdout.startswith("lenet-1\n"), "as the only run it has its details"
    assert result.stderr.startswith(f"effmeter: {odd} is not a run")
    assert len(result.stderr.splitlines()) == 1


def test_errors_stand_in_the_json_too(tmp_path: Path) -> None:
    result = report(tmp_path / "none.arrow", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["runs"], len(told["errors"])) == ([], 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.arrow", "does not exist"), ("*.arrow", "no file matches"), (".", "holds no run")],
)
def test_nothing_to_report_is_one_clear_line(tmp_path: Path, name: str, message: str) -> None:
    result = report(tmp_path / name)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert message in line


def test_no_file_at_all_is_a_mistake_of_usage() -> None:
    assert report().exit_code == 2


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    path, output = write_plain(tmp_path / "plain.arrow"), tmp_path / "report.txt"
    output.write_text("of yesterday")
    result = report(path, "-o", output)
    assert (result.exit_code, result.output) == (0, "")
    assert output.read_text() == report(path).stdout


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = report(write_plain(tmp_path / "plain.arrow"), "-o", tmp_path / "none" / "x.txt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"effmeter: {tmp_path}/none/x.txt cannot be written: No such file or directory\n"
    )


def test_details_are_of_every_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_plain(tmp_path / f"{name}.arrow", name)
    assert "provenance" not in report(tmp_path).stdout
    assert report(tmp_path, "--details").stdout.count("provenance") == 2


def test_csv_has_a_row_for_each_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_plain(tmp_path / f"{name}.arrow", name)
    header, *rows = report(tmp_path, "--csv").stdout.splitlines()
    assert header.startswith("file,name,run_id,parent_run_id,label.size,status,")
    assert [row.split(",")[1] for row in rows] == ["one", "two"]


def test_csv_with_epochs_has_a_row_for_each_epoch(tmp_path: Path) -> None:
    header, *rows = report(
        write_plain(tmp_path / "plain.arrow"), "--csv", "--epochs"
    ).stdout.splitlines()
    assert header.startswith("file,name,run_id,parent_run_id,label.size,epoch,")
    assert len(rows) == 4


def test_csv_of_a_comparison_names_the_remedy(tmp_path: Path) -> None:
    path = labelled_run(tmp_path / "run.arrow", architecture="lenet", size=1).paths[0]
    result = report(path, "--csv", "--efficiency")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "effmeter: --csv has no columns for --efficiency and --table: use --json\n"
    )
