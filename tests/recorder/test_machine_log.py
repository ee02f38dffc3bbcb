"""The machine's log by a clock moved by hand: whole periods, and no joule lost between files."""

import os
import stat
from pathlib import Path

import psutil
import pytest

from effmeter.errors import RecorderError
from effmeter.recorded.log_upkeep import Upkeep, look_after
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorder.log_folder import LogFolder
from tests.recorder.logged_machine import BEGAN_WALL_NS, DAY_S, LoggedMachine, used_j


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def assert_nothing_is_lost(folder: Path) -> None:
    """Blocks join without a gap, and both sensors' energies add up to the truth."""
    runs = read_runs(folder)
    begins = [run.begin_ns for run in runs[1:]]
    assert begins == [run.end_ns for run in runs[:-1]]
    assert all(run.status == "completed" for run in runs)
    total_s = (runs[-1].end_ns - runs[0].begin_ns) * 1e-9
    for channel, truth_j in (("cpu0", used_j(total_s)), ("gpu0", 200 * total_s)):
        parts = [run.recording.channel_energy(channel, run.begin_ns, run.end_ns) for run in runs]
        assert sum(e.value_j for e in parts if e) == pytest.approx(truth_j, rel=1e-7)


def test_three_days_are_four_files_at_midnight_utc_whose_energies_add_up(folder: Path) -> None:
    machine = LoggedMachine(folder, 200.0)
    machine.run(3 * DAY_S)
    machine.stop()
    assert_nothing_is_lost(folder)
    names = [path.name.removeprefix(f"{os.uname().nodename}-") for path in sorted(folder.iterdir())]
    assert names == [
        "20260301T223000Z.arrow",
        "20260302T000000Z.arrow",
        "20260303T000000Z.arrow",
        "20260304T000000Z.arrow",
    ]
    lengths_s = [run.duration_s for run in read_runs(folder)]
    assert lengths_s == pytest.approx([1.5 * 3600, DAY_S, DAY_S, 22.5 * 3600])


def test_a_stop_beside_a_boundary_leaves_no_time_twice_or_out(folder: Path) -> None:
    for offset_s in (-20.0, 20.0):
        place = folder / str(offset_s)
        machine = LoggedMachine(place, 10.0)
        machine.run(1.5 * 3600 + offset_s)
        machine.stop()
        assert_nothing_is_lost(place)
        lengths_s = [run.duration_s for run in read_runs(place)]
        whole = [5400 + offset_s] if offset_s < 0 else [5400, offset_s]
        assert lengths_s == pytest.approx(whole)


def test_a_daemon_that_starts_again_says_what_is_missing(folder: Path) -> None:
    machine = LoggedMachine(folder, 10.0)
    machine.run(600)
    machine.stop()
    assert machine.lines == []
    (first,) = folder.iterdir()
    os.utime(first, ns=(0, BEGAN_WALL_NS - 7200 * 10**9))
    again = LoggedMachine(folder, 10.0)
    again.run(600)
    again.stop()
    (line,) = again.lines
    assert line.endswith("goes on after a gap of 2 h 00 min")
    (second,) = (path for path in folder.iterdir() if path != first)
    assert second.name == first.name.replace("Z.arrow", "Z-2.arrow")
    notes = [note.text for note in read_run(second).notes]
    assert "the log has a gap before this file: nothing was recorded for 2 h 00 min" in notes


def test_a_file_that_fails_is_said_once_and_the_next_begins_a_minute_later(folder: Path) -> None:
    machine = LoggedMachine(folder, 10.0)
    machine.run(100)
    for _ in range(2):
        (token,) = machine.recordings.active
        machine.recordings.forget(token)
        machine.log.note_ended(token, "No space left on device")
        assert machine.log.facts["file"] is None
        machine.run(70)
    assert machine.log.facts["failure"] is None
    assert len(list(folder.iterdir())) == 3
    assert len(machine.lines) == 2
    assert machine.lines[0].endswith(
        "20260301T223000Z.arrow: No space left on device; tried again every 1 min 00 s"
    )


def test_a_wall_clock_that_is_set_moves_the_boundary(folder: Path) -> None:
    machine = LoggedMachine(folder, 10.0)
    machine.run(600)
    machine.clock.set_wall(3600)
    machine.run(1300 + 3600)
    machine.stop()
    assert_nothing_is_lost(folder)
    assert read_runs(folder)[0].duration_s == pytest.approx(1800)


def test_a_machine_that_sleeps_over_a_boundary_begins_the_next_file_when_it_wakes(
    folder: Path,
) -> None:
    machine = LoggedMachine(folder, 10.0)
    machine.run(3600)
    machine.clock.sleep(7200)
    machine.run(600)
    machine.stop()
    first, second = read_runs(folder)
    assert first.end_ns == second.begin_ns > machine.began_ns + 10_800 * 10**9


def test_the_folder_is_this_users_alone_and_its_readers_read_the_files(folder: Path) -> None:
    made = LogFolder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    name, descriptor = made.create("a/b", BEGAN_WALL_NS)
    os.close(descriptor)
    assert name == "a-b-20260301T223000Z.arrow"
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    folder.chmod(0o750)
    name, descriptor = LogFolder(folder).create("ab", BEGAN_WALL_NS)
    os.close(descriptor)
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o640
    folder.chmod(0o770)
    with pytest.raises(RecorderError, match="another user may write to it"):
        LogFolder(folder)


def test_a_link_in_the_place_of_folder_or_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(RecorderError, match="cannot hold the log"):
        LogFolder(tmp_path / "link")
    folder = LogFolder(tmp_path / "real")
    (tmp_path / "real" / "h-20260301T223000Z.arrow").symlink_to(tmp_path / "elsewhere")
    name, descriptor = folder.create("h", BEGAN_WALL_NS)
    os.close(descriptor)
    assert name == "h-20260301T223000Z-2.arrow"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.slow
def test_thirty_days_are_as_exact_in_flat_memory_and_thin_to_a_small_part(folder: Path) -> None:
    machine = LoggedMachine(folder, 20.0)
    machine.run(2 * DAY_S)
    early_mib = psutil.Process().memory_info().rss / 2**20
    machine.run(28 * DAY_S)
    machine.stop()
    assert psutil.Process().memory_info().rss / 2**20 < early_mib + 20
    assert len(list(folder.iterdir())) == 31
    assert_nothing_is_lost(folder)
    full_bytes = sum(path.stat().st_size for path in folder.iterdir())
    outcome = look_after(folder, Upkeep(0.001, 3600.0))
    assert len(outcome.thinned) == 31
    assert not outcome.errors
    assert_nothing_is_lost(folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) < full_bytes / 10
