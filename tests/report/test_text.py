"""The text holds the figures of the analysis, and prints nothing that is not there."""

from pathlib import Path

import pytest

from effmeter.analysis.run_analysis import RunAnalysis, analyse
from effmeter.recorded.reading import read_run, read_runs
from effmeter.report.formatting import energy_figure, energy_interval, per_kilojoule
from effmeter.report.renderer import RenderOptions, Report
from effmeter.report.text import TextRenderer
from effmeter.runfile.format import Event
from tests.recorded.job_files import Host
from tests.report.runs import write_plain, write_troubled
from tests.runfile.writing import SOURCE, RunFile, counter, every, metadata


def printed(*runs: RunAnalysis, **options: bool) -> str:
    return TextRenderer(RenderOptions(**options)).render(Report(runs))


def line_of(text: str, beginning: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(beginning))


@pytest.fixture
def plain(tmp_path: Path) -> RunAnalysis:
    return analyse(read_run(write_plain(tmp_path / "plain.arrow")))


@pytest.fixture
def troubled(tmp_path: Path) -> RunAnalysis:
    return analyse(read_run(write_troubled(tmp_path / "troubled.arrow")))


def test_energies_are_those_of_the_analysis(plain: RunAnalysis) -> None:
    total = plain.breakdown.total
    assert total is not None
    text = printed(plain)
    energies = {str(part.component): part.energy for part in plain.breakdown.components}
    for name, energy in {**energies, "total": total}.items():
        line = line_of(text, f"{name} ")
        assert energy_figure(energy) in line
        assert energy_interval(energy) in line
        assert "measured" in line
    assert "gpu0 + cpu0" in line_of(text, "total")


def test_gain_error_stands_beside_the_interval(tmp_path: Path) -> None:
    described = metadata(channels=(counter(gain_error_fraction=0.05),))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.count("cpu0", every(0.1, 0, 10), 300.0)
        file.end(10.0)
    text = printed(analyse(read_run(file.path)))
    assert "sensor error" in text
    assert "± 0.15" in line_of(text, "total")


def test_eq_2_is_that_of_the_analysis(plain: RunAnalysis) -> None:
    assert plain.efficiency is not None
    text = printed(plain)
    for where, point in (("end", plain.efficiency.final), ("best", plain.efficiency.best)):
        assert point is not None
        assert point is not None
        value, interval = per_kilojoule(point.value_per_j, point.low_per_j, point.high_per_j)
        line = next(
            part for part in text.splitlines() if f"{where}, epoch {point.epoch.number}" in part
        )
        assert value in line
        assert interval in line


def test_a_metric_of_unknown_direction_is_shown_without_a_best(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for number, reward in ((1, 7.0), (2, 5.0)):
            file.epoch(number, 2.0 * number, 2.0 * number + 2, reward=reward)
        file.end(10.0)
    text = printed(analyse(read_run(file.path)))
    assert line_of(text, "reward").endswith("5 at the end")
    assert "at the end, epoch 2" in text
    assert "at its best" not in text
    said = "no best reward: the name does not say whether less or more of it is better"
    assert text.count(said) == 1


def test_status_labels_and_metrics_are_shown(plain: RunAnalysis) -> None:
    text = printed(plain)
    assert "completed, stopped by max-epochs" in line_of(text, "status")
    assert "size=1" in line_of(text, "labels")
    assert "0.91 at the end, best 0.92 at epoch 3" in line_of(text, "accuracy")


def test_epochs_are_shown_where_they_are_asked_for(plain: RunAnalysis) -> None:
    assert len(printed(plain, has_epochs=True).splitlines()) == len(
        printed(plain).splitlines()
    ) + 1 + len(plain.run.lead_epochs)


def test_total_says_what_it_is_without(troubled: RunAnalysis) -> None:
    assert "without soc" in line_of(printed(troubled), "total")


def test_gaps_and_warnings_are_shown(troubled: RunAnalysis) -> None:
    text = printed(troubled)
    assert "gpu0-power, from 4 s to the end: GPU is lost" in line_of(text, "gap:")
    for warning in troubled.warnings:
        assert f"  ! {warning}" in text.splitlines()


def test_names_are_shown_as_they_are(troubled: RunAnalysis) -> None:
    assert "[bold]troubled[/bold]" in printed(troubled)


def test_several_runs_are_one_line_each(plain: RunAnalysis, troubled: RunAnalysis) -> None:
    heading, first, second, total = printed(plain, troubled).splitlines()
    assert heading.split() == [
        *("run", "status", "epochs", "metric", "energy", "interval", "per", "kJ", "without")
    ]
    assert first.split()[:3] == ["lenet-1", "completed", "4"]
    assert "interrupted" in second
    assert second.endswith("  soc      12 warnings")
    assert total.split() == ["total", "5.06", "kJ", "[3.02,", "10.15]", "soc"]


def test_details_of_several_runs_follow_on_request(
    plain: RunAnalysis, troubled: RunAnalysis
) -> None:
    text = printed(plain, troubled, has_details=True)
    assert text.startswith(printed(plain, troubled))
    assert printed(plain) in text
    assert printed(troubled) in text


def test_epochs_of_several_runs_follow_on_request(
    plain: RunAnalysis, troubled: RunAnalysis
) -> None:
    text = printed(plain, troubled, has_epochs=True)
    assert sum(line.split()[:2] == ["epoch", "lasted"] for line in text.splitlines()) == 2
    assert text.count("since epoch 1") == 1, "a run without Eq 2 has no column of it"
    assert "sensor error" not in text


def test_spans_are_shown_below_the_one_they_are_in(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        file.event(1, Event.SPAN_BEGIN, source=SOURCE, id=2, parent=1, name="train")
        file.event(2, Event.SPAN_BEGIN, source=SOURCE, id=3, parent=2, name="load")
        file.event(3, Event.METRIC, source=SOURCE, parent=3, name="images", value=64.0)
        file.event(4, Event.SPAN_END, source=SOURCE, id=3)
        file.end(10.0)
    lines = printed(analyse(read_run(file.path))).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("  span "))
    train, load = (line.split() for line in lines[place + 1 : place + 3])
    assert train[:4] == ["train", "(open)", "9", "s"]
    assert load[:5] == [".", "load", "2", "s", "100.00"]
    assert load[-2:] == ["images", "64"]


def test_runs_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    paths = [write_plain(tmp_path / f"{stem}.arrow") for stem in ("one", "two")]
    lines = printed(*(analyse(read_run(path)) for path in paths)).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["one", "two"]


def test_memory_is_shown_on_average_and_at_most_where_any_was_used(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        for time_s, value in ((0, 2.0), (5, 1.0)):
            file.event(time_s, Event.MEMORY, name="ram", value=value * 2**30)
        file.event(3, Event.MEMORY, name="gpu0", value=0.0)
        file.event(3, Event.MEMORY, name="gpu1", text="no permission")
        file.event(4, Event.MEMORY, name="torch-cuda0", value=3e6, text="peak")
        file.end(10.0)
    text = printed(analyse(read_run(file.path)))
    assert "1.50 GiB on average, 2.00 GiB at most" in line_of(text, "memory ram")
    assert "unknown: no permission" in line_of(text, "memory gpu1")
    assert line_of(text, "memory torch-cuda0").endswith("  2.86 MiB at most")
    assert "gpu0" not in text.replace("torch-cuda0", "")


def test_notes_of_the_program_are_shown_line_by_line(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(1.0, 0, 11), 100.0)
        text = 'Traceback (most recent call last):\n  File "a.py"\nKeyError: \x1b[31m'
        file.event(9.0, Event.NOTE, name="user:traceback", text=text)
        file.end(10.0)
    lines = printed(analyse(read_run(tmp_path / "run.arrow"))).splitlines()
    first = lines.index("  note: traceback")
    assert lines[first + 1 : first + 4] == [
        "    Traceback (most recent call last):",
        '      File "a.py"',
        "    KeyError: \\x1b[31m",
    ]


def test_a_run_of_several_hosts_has_the_recorder_of_each_and_no_ratio_to_one_meter(
    tmp_path: Path,
) -> None:
    for host, pid in ((Host("a", 0, 20.0, wall_w=40.0), 7), (Host("b", 1, 30.0), 8)):
        host.write(tmp_path, sampling={"recorder": "private", "recorder_process": {"pid": pid}})
    (run,) = read_runs(tmp_path)
    text = printed(analyse(run))
    assert "a: private, process 7; b: private, process 8" in line_of(text, "recorder")
    assert line_of(text, "wall").endswith("a/wall"), "the total is of both"
    assert "the total is 50" in printed(analyse(run).by_host[0])
