"""What a report warns of, one line each, and that it warns of nothing else."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

from effmeter.analysis.efficiency import efficiency_of
from effmeter.analysis.warnings import warnings_of
from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.recorded.reading import read_run
from effmeter.runfile.format import Event, Metadata
from tests.report.runs import write_troubled
from tests.runfile.writing import SOURCE, RunFile, at, counter, every, gauge, metadata


def warned(path: Path, metric: str | None = None) -> list[str]:
    run = read_run(path)
    return list(warnings_of(run, efficiency_of(run, metric), metric))


def recorded(
    folder: Path, write: Callable[[RunFile], None], described: Metadata | None = None
) -> Path:
    """Ten seconds of a processor at 50 W, and what ``write`` adds to them."""
    described = described or metadata(channels=(counter(),))
    with RunFile(folder / "run.arrow", described) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        write(file)
        file.end(10.0)
    return file.path


def described_with(*channels: Channel, refusals: tuple[Refusal, ...] = ()) -> Metadata:
    return metadata(channels=(counter(), *channels), refusals=refusals)


def test_an_ordinary_run_has_no_warning(tmp_path: Path) -> None:
    assert warned(recorded(tmp_path, lambda file: file.epoch(1, 1, 3, accuracy=0.5))) == []


def test_a_run_with_everything_amiss_is_warned_of_all_and_nothing_else(tmp_path: Path) -> None:
    assert warned(write_troubled(tmp_path / "run.arrow")) == [
        "interrupted: the figures cover what was written until then",
        "epoch 2 has no end",
        "estimated, not measured: ram-estimate",
        "not in the total: soc (no driver)",
        "gpu0-power was not read for 6 s of 10 s: its energy there is bounded",
        "gpu0-power shows single moments: its interval allows for load that it misses",
        "no Eq 2: no epoch has both a metric to judge by and a known energy",
        "recorder: the disk is full",
        "12 marks were dropped: epochs or metrics may be missing",
        "powercap: 3 readings missed their deadlines",
        "the machine slept for 30 s during the run",
        "gpu0-power was shared with up to 2 other processes",
    ]


def test_a_run_that_is_being_recorded(tmp_path: Path) -> None:
    file = RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),)))
    file.count("cpu0", every(0.1, 0, 10), 50.0)
    file.kill()
    with file.path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert warned(file.path) == ["still recording: the figures cover what is written so far"]


def test_a_run_without_a_reading(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata()) as file:
        file.end(10.0)
    assert warned(file.path) == ["no energy: no channel was read"]


def test_a_device_that_was_never_read(tmp_path: Path) -> None:
    described = described_with(counter("cpu1"))
    assert warned(recorded(tmp_path, lambda _: None, described)) == [
        "not in the total: cpu1 (it was never read)"
    ]


def test_a_channel_that_may_show_the_counter_of_another(tmp_path: Path) -> None:
    undecided = counter("cpu1", may_repeat="cpu0")

    def write(file: RunFile) -> None:
        file.count("cpu1", every(0.1, 0, 10), 50.0)

    assert warned(recorded(tmp_path, write, described_with(undecided))) == [
        "cpu1 may show the counter of cpu0, which this machine did not decide: the total has both"
    ]


def test_a_refusal_without_a_reason(tmp_path: Path) -> None:
    described = described_with(refusals=(Refusal("NVML", Component.GPU, ""),))
    assert warned(recorded(tmp_path, lambda _: None, described)) == ["not in the total: gpu"]


def test_a_gpu_that_the_program_could_not_use(tmp_path: Path) -> None:
    uuid = "GPU-00000000-0000-4000-8000-00000000000"
    gpus = [counter(f"gpu{n}", Component.GPU, device=f"GPU {uuid}{n}") for n in (0, 1)]
    program = json.dumps({"program": {"pid": 42, "visible_gpus": [f"{uuid}1"]}})

    def write(file: RunFile) -> None:
        file.join(0, program)
        for gpu in gpus:
            file.count(gpu.name, every(0.1, 0, 10), 100.0)

    (warning,) = warned(recorded(tmp_path, write, described_with(*gpus)))
    assert warning.startswith("recorded, but not in the total: gpu0: hidden from the program")


def test_gpus_of_which_it_is_unknown_whether_the_program_may_use_them(tmp_path: Path) -> None:
    program = json.dumps({"program": {"visible_gpus_unknown": "a MIG device is named"}})
    assert warned(recorded(tmp_path, lambda file: file.join(0, program))) == [
        "all GPUs are counted, though the program may not use all of them: a MIG device is named"
    ]


def test_a_gauge_that_averages_over_part_of_the_time(tmp_path: Path) -> None:
    described = metadata(channels=(gauge(window_s=0.025),))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.show("gpu0-power", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    assert warned(file.path) == [
        "gpu0-power averages over 25 % of the time: its interval allows for load that it misses"
    ]


def test_a_gauge_and_a_counter_that_disagree(tmp_path: Path) -> None:
    inner = gauge(contained_in="gpu0", window_s=0.1)
    described = metadata(channels=(counter("gpu0", Component.GPU), inner))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.count("gpu0", every(0.1, 0, 10), 300.0)
        file.show("gpu0-power", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    assert warned(file.path) == [
        "sensors of one device disagree: gpu0 3.00 kJ, gpu0-power 1.00 kJ; the total counts gpu0, "
        "because an energy counter misses nothing between readings; its interval holds both",
    ]


def test_sensors_of_one_device_that_disagree_share_a_line(tmp_path: Path) -> None:
    average, instant = (
        gauge(f"gpu0-power-{name}", contained_in="gpu0", window_s=0.1)
        for name in ("average", "instant")
    )
    described = metadata(channels=(counter("gpu0", Component.GPU), average, instant))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.count("gpu0", every(0.1, 0, 10), 300.0)
        for channel in (average, instant):
            file.show(channel.name, every(0.1, 0, 10), 100.0)
        file.end(10.0)
    (line,) = warned(file.path)
    assert "gpu0 3.00 kJ, gpu0-power-average 1.00 kJ, gpu0-power-instant 1.00 kJ" in line
    assert line.endswith("its interval holds all")


def test_a_gauge_and_a_counter_that_agree_within_their_gain_errors(tmp_path: Path) -> None:
    inner = gauge(contained_in="gpu0", window_s=0.1, gain_error_fraction=0.1)
    described = metadata(channels=(counter("gpu0", Component.GPU), inner))
    with RunFile(tmp_path / "run.arrow", described) as file:
        file.count("gpu0", every(0.1, 0, 10), 300.0)
        file.show("gpu0-power", every(0.1, 0, 10), 290.0)
        file.end(10.0)
    assert warned(file.path) == []


def test_an_estimate(tmp_path: Path) -> None:
    ram = counter("ram", Component.RAM, provenance=Provenance.ESTIMATED, estimate_factor=3.0)
    path = recorded(
        tmp_path, lambda file: file.count("ram", every(0.1, 0, 10), 6.0), described_with(ram)
    )
    assert warned(path) == ["estimated, not measured: ram"]


def test_programs_whose_metrics_do_not_count(tmp_path: Path) -> None:
    def write(file: RunFile) -> None:
        for root in (1, 2):
            file.join(root, json.dumps({"name": f"model-{root}"}), root=root)
            file.epoch(1, 2.0 * root, 2.0 * root + 1, root=root, accuracy=0.5)

    assert warned(recorded(tmp_path, write)) == [
        "2 programs logged epochs: metrics and Eq 2 are those of the first"
    ]


def test_a_metric_that_the_run_did_not_log(tmp_path: Path) -> None:
    path = recorded(tmp_path, lambda file: file.epoch(1, 1, 3, accuracy=0.5, loss=1.0))
    assert warned(path, "bleu") == ["no metric 'bleu': the run logged accuracy, loss"]


def test_a_metric_of_a_run_that_logged_none(tmp_path: Path) -> None:
    assert warned(recorded(tmp_path, lambda _: None), "bleu") == [
        "no metric 'bleu': the run logged none"
    ]


def test_a_metric_whose_name_does_not_say_what_is_better(tmp_path: Path) -> None:
    path = recorded(tmp_path, lambda file: file.epoch(1, 1, 3, accuracy=0.5, charm=1.0))
    assert warned(path) == [
        "no best charm: the name does not say whether less or more of it is better; "
        "add --metric charm:max or charm:min"
    ]


def test_a_model_that_is_overtrained_at_the_end(tmp_path: Path) -> None:
    def write(file: RunFile) -> None:
        for number, (train, test) in enumerate(((0.5, 0.5), (0.7, 0.7), (0.8, 0.7), (0.9, 0.7)), 1):
            file.epoch(number, number, number + 1, accuracy=test, train_accuracy=train)

    (warning,) = warned(recorded(tmp_path, write))
    assert warning.startswith("Eq 2 at the end is that of a model overtrained from epoch 2 to 4")


def test_rows_that_could_not_be_written(tmp_path: Path) -> None:
    path = recorded(
        tmp_path, lambda file: file.event(5, Event.NOTE, name="dropped_rows", value=7.0)
    )
    assert warned(path) == ["7 rows could not be written and are lost"]


def test_what_a_source_notes_as_a_warning(tmp_path: Path) -> None:
    def write(file: RunFile) -> None:
        file.event(5, Event.NOTE, name="warning", source=SOURCE, text="no synchronisation")

    assert warned(recorded(tmp_path, write)) == ["no synchronisation"]


def test_a_successors_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = recorded(tmp_path, lambda _: None)
    path.with_name("run.2.arrow").write_text("no run")
    (warning,) = warned(path)
    assert warning.startswith("the successor's file is left out: ")


def test_a_wall_clock_that_was_set(tmp_path: Path) -> None:
    def write(file: RunFile) -> None:
        for time_s, offset_s in ((0, 0.0), (5, -3.0)):
            file.event(time_s, Event.ANCHOR, id=at(time_s), value=offset_s, duration_s=0.0)

    assert warned(recorded(tmp_path, write)) == ["the wall clock was set by -3.0 s during the run"]


def test_processors_that_were_shared_with_who_used_them_most(tmp_path: Path) -> None:
    def write(file: RunFile) -> None:
        for time_s, value, text in ((2, 1.0, "20 %"), (4, 3.0, "50 %: cc1 (7)"), (6, 0.0, "")):
            file.event(time_s, Event.CONTENTION, value=value, text=text)
        file.event(7, Event.CONTENTION, channel="gpu0", text="in a container")

    assert warned(recorded(tmp_path, write)) == [
        "the processors were shared with up to 3 other processes (50 %: cc1 (7))",
        "unknown whether other processes used gpu0: in a container",
    ]
