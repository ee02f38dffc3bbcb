"""Which files are runs, and how the file of a successor goes on another's."""

import os
from pathlib import Path

import pytest

from effmeter.channel import Channel
from effmeter.client.files import create
from effmeter.energy import Energy
from effmeter.errors import RunFileError
from effmeter.recorded.reading import find_runs, read_run, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event, Metadata
from effmeter.status import Status
from tests.runfile.writing import WALL_NS, RunFile, at, counter, every, gauge, metadata

POWER_W = 20.0
DIED_S, RESUMED_S, END_S = 4.0, 6.0, 10.0


def second_part(**more: object) -> Metadata:
    """The successor's metadata: its wall clock was set in between, which must not matter."""
    described = {"part": 2, "started_time_ns": at(RESUMED_S), "started_wall_ns": WALL_NS, **more}
    return metadata(**described)


def write_two_parts(
    folder: Path, channel: Channel, absolute_j: tuple[float | None, float | None]
) -> Path:
    """A run at constant power whose recorder died; ``absolute_j`` at each part's first reading."""
    first = RunFile(folder / "run.arrow")
    first.introduce(0, channel, absolute_j[0])
    first.count(channel.name, every(0.1, 0, DIED_S), POWER_W)
    first.epoch(1, 0.5, 2.0, accuracy=0.5)
    first.epoch(2, 2.0, None)
    first.kill()
    second = RunFile(folder / "run.2.arrow", second_part())
    second.introduce(RESUMED_S, channel, absolute_j[1])
    second.count(channel.name, every(0.1, RESUMED_S, END_S), POWER_W)
    second.epoch(2, RESUMED_S, 9.0, accuracy=0.75)
    second.end(END_S)
    return first.path


def energy(run: RecordedRun, channel: str, begin_s: float, end_s: float) -> Energy:
    trace = run.trace(channel)
    assert trace is not None
    found = trace.energy(at(begin_s), at(end_s))
    assert found is not None
    return found


def test_successor_is_joined_with_a_gap_between(tmp_path: Path) -> None:
    run = read_run(write_two_parts(tmp_path, counter(), (100.0, 100.0 + POWER_W * RESUMED_S)))
    assert [path.name for path in run.paths] == ["run.arrow", "run.2.arrow"]
    assert run.status == "completed"
    (gap,) = run.gaps
    assert (gap.channel, gap.begin_ns, gap.end_ns) == (None, at(DIED_S), at(RESUMED_S))
    assert "recorder died" in gap.reason


def test_absolute_counters_bridge_the_gap(tmp_path: Path) -> None:
    run = read_run(write_two_parts(tmp_path, counter(), (100.0, 100.0 + POWER_W * RESUMED_S)))
    whole = energy(run, "cpu0", 0, END_S)
    assert whole.value_j == pytest.approx(POWER_W * END_S, rel=1e-3)
    assert whole.half_width_j < 1.0


def test_counter_that_wrapped_in_the_gap_is_bridged(tmp_path: Path) -> None:
    channel = counter(modulus=2_000_000_000)
    after = (1950.0 + POWER_W * RESUMED_S) % 2000.0
    run = read_run(write_two_parts(tmp_path, channel, (1950.0, after)))
    assert energy(run, "cpu0", 0, END_S).value_j == pytest.approx(POWER_W * END_S, rel=1e-3)


def test_gap_long_enough_for_unseen_wraps_is_bounded(tmp_path: Path) -> None:
    channel = counter(modulus=300_000_000)
    after = (100.0 + POWER_W * RESUMED_S) % 300.0
    run = read_run(write_two_parts(tmp_path, channel, (100.0, after)))
    whole = energy(run, "cpu0", 0, END_S)
    assert whole.value_j == pytest.approx(POWER_W * END_S, rel=1e-3)
    assert whole.high_j > POWER_W * END_S + 300.0


@pytest.mark.parametrize("absolute_j", [(None, None), (500.0, 3.0)])
def test_gap_that_counters_cannot_bridge_is_estimated_and_bounded(
    tmp_path: Path, absolute_j: tuple[float | None, float | None]
) -> None:
    run = read_run(write_two_parts(tmp_path, counter(), absolute_j))
    whole = energy(run, "cpu0", 0, END_S)
    gap_s = RESUMED_S - DIED_S
    assert whole.value_j == pytest.approx(POWER_W * END_S, rel=1e-2)
    assert whole.low_j < POWER_W * (END_S - gap_s) + 0.1
    assert whole.high_j > POWER_W * (END_S - gap_s) + 500.0 * gap_s - 0.1


def test_gauge_is_interpolated_over_the_gap_and_bounded(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as first:
        first.introduce(0, gauge())
        first.show("gpu0-power", every(0.1, 0, DIED_S), 100.0)
    with RunFile(tmp_path / "run.2.arrow", second_part()) as second:
        second.introduce(RESUMED_S, gauge())
        second.show("gpu0-power", every(0.1, RESUMED_S, END_S), 100.0)
    whole = energy(read_run(first.path), "gpu0-power", 0, END_S)
    assert whole.value_j == pytest.approx(1000.0, rel=1e-3)
    assert whole.low_j < 801.0
    assert whole.high_j > 800.0 + 2 * 700.0 - 1


def test_epoch_that_outlives_its_recorder_is_one_epoch(tmp_path: Path) -> None:
    run = read_run(write_two_parts(tmp_path, counter(), (100.0, 220.0)))
    assert [(e.number, e.begin_ns, e.end_ns, e.open) for e in run.epochs] == [
        (1, at(0.5), at(2.0), False),
        (2, at(2.0), at(9.0), False),
    ]
    assert run.epochs[1].metrics == {"accuracy": 0.75}


def test_gap_left_open_by_the_dead_recorder_ends_with_the_next_reading(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as first:
        first.introduce(0, counter(), 0.0)
        first.count("cpu0", every(0.1, 0, 3), POWER_W)
        first.event(3.0, Event.GAP, channel="cpu0", id=1, text="gone")
    with RunFile(tmp_path / "run.2.arrow", second_part()) as second:
        second.introduce(RESUMED_S, counter(), POWER_W * RESUMED_S)
        second.count("cpu0", every(0.1, RESUMED_S, END_S), POWER_W)
    run = read_run(first.path)
    gap = next(gap for gap in run.gaps if gap.channel == "cpu0")
    assert (gap.end_ns, gap.open) == (at(RESUMED_S), False)
    assert energy(run, "cpu0", 0, END_S).high_j == pytest.approx(POWER_W * END_S, abs=1.0)


def test_unreadable_successor_is_left_out_and_said(tmp_path: Path) -> None:
    path = write_two_parts(tmp_path, counter(), (0.0, 120.0))
    (tmp_path / "run.2.arrow").write_bytes(b"")
    run = read_run(path)
    assert len(run.paths) == 1
    assert run.status == "interrupted"
    assert any("run.2.arrow is empty" in warning for warning in run.warnings)


def test_file_only_named_like_a_successor_is_a_run_of_its_own(tmp_path: Path) -> None:
    for name, run_id in (("lenet.arrow", "one"), ("lenet.2.arrow", "two")):
        with RunFile(tmp_path / name, metadata(run_id=run_id)) as file:
            file.end(1.0)
    assert len(read_run(tmp_path / "lenet.arrow").paths) == 1
    assert [p.name for p in find_runs([tmp_path])] == ["lenet.2.arrow", "lenet.arrow"]


# Finding runs


def test_successors_are_not_counted_twice(tmp_path: Path) -> None:
    first = write_two_parts(tmp_path, counter(), (0.0, 120.0))
    second = tmp_path / "run.2.arrow"
    assert find_runs([tmp_path]) == [first]
    assert find_runs([first, second]) == [first]
    assert find_runs([second]) == [first]


def test_successor_whose_predecessor_is_gone_stands_for_itself(tmp_path: Path) -> None:
    write_two_parts(tmp_path, counter(), (0.0, 120.0)).unlink()
    (alone,) = find_runs([tmp_path])
    assert alone.name == "run.2.arrow"
    assert read_run(alone).status == "completed"


def test_a_file_named_twice_is_one_run(tmp_path: Path) -> None:
    path = write_two_parts(tmp_path, counter(), (0.0, 120.0))
    assert find_runs([path, str(path), tmp_path]) == [path]


def test_paths_without_runs_are_kept_for_their_error(tmp_path: Path) -> None:
    missing = tmp_path / "none.arrow"
    assert find_runs([missing, tmp_path]) == [missing, tmp_path]
    with pytest.raises(RunFileError, match="holds no run"):
        read_run(tmp_path)


def test_all_runs_of_files_and_folders_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("b", "a"):
        with RunFile(tmp_path / "folder" / f"{name}.arrow", metadata(name=name)) as file:
            file.end(1.0)
    with RunFile(tmp_path / "alone.arrow", metadata(name="alone")) as file:
        file.end(1.0)
    runs = read_runs([file.path, tmp_path / "folder"])
    assert [run.name for run in runs] == ["alone", "a", "b"]
    assert [run.name for run in read_runs(str(file.path))] == ["alone"]
    with pytest.raises(RunFileError, match="nowhere"):
        read_runs([file.path, tmp_path / "nowhere"])


def test_a_run_that_has_just_begun_is_recording_and_its_energy_unknown(tmp_path: Path) -> None:
    descriptor = create(tmp_path / "young.arrow")
    run = read_run(tmp_path / "young.arrow")
    assert (run.name, run.status, run.duration_s) == ("young", Status.RECORDING, 0.0)
    assert (run.energy(), run.epochs, run.sources) == (None, (), ())
    os.close(descriptor)
    with pytest.raises(RunFileError, match="ended before anything was written"):
        read_run(tmp_path / "young.arrow")


def test_a_folder_without_a_name_that_holds_no_run_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunFileError, match=r"^\. is a directory that holds no run"):
        read_runs(".")
