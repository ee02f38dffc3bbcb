"""The machine's log by a clock moved by hand: whole periods, and no joule lost between files."""

import math
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.errors import RecorderError
from effmeter.probes.base import Discovery
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan, MachineLog
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.sampling.ingest import ChannelStart, Sample
from tests.simulated.clock import ManualClock

DAY_S = 86_400
FLUSH_STEPS = 100
"""A file has fewer batches than a writer's queue takes: time passes faster than it writes."""
BEGAN_WALL_NS = int(datetime(2026, 3, 1, 22, 30, tzinfo=UTC).timestamp()) * 10**9
CPU = Channel(
    "cpu0",
    Component.CPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "a test",
    0.001,
    unit_j=1e-6,
    resolution=1e-6,
    max_power_w=500.0,
)
GPU = Channel(
    "gpu0", Component.GPU, Kind.GAUGE, Provenance.MEASURED, "a test", 0.1, max_power_w=700.0
)


def used_j(time_s: float) -> float:
    """By the counter: 100 W, and 50 W more or less by the hour."""
    turn = 2 * math.pi / 3600
    return 100 * time_s + 50 * (1 - math.cos(turn * time_s)) / turn


class LoggedMachine:
    """Two sensors as pure arithmetic, and the log of them; readings are fed, not sampled."""

    def __init__(self, folder: Path, period_s: float, rotate_s: float = DAY_S) -> None:
        self.clock = ManualClock(10**12, BEGAN_WALL_NS)
        self.began_ns = self.clock.now_ns()
        self.period_s = period_s
        self.lines: list[str] = []
        discovery = Discovery((), ())
        self.recordings = Recordings(discovery, self.clock, lambda: None, lambda _: True)
        self.ended: list[tuple[str, str | None]] = []
        self._started = {"cpu0": ChannelStart(CPU, 7.0), "gpu0": ChannelStart(GPU, None)}
        self._plan = LogPlan(folder, rotate_s, 1 / period_s)
        self.log = MachineLog(
            self._plan,
            LogFolder(folder),
            self.recordings,
            lambda: discovery,
            ServicePolicy("shared", os.getuid()),
            self.clock,
            self.end,
            lambda token, why: self.ended.append((token, why)),
            self.lines.append,
        )

    def end(self, token: str, status: str) -> None:
        """As the registry does, with the last readings in."""
        recording = self.recordings.active[token]
        self.recordings.end(token, status)
        self.recordings.finish_ending()
        recording.writer.join(20)
        self.recordings.forget(token)

    def run(self, seconds: float) -> None:
        """Let time pass, a reading of each sensor every period."""
        until_ns = self.clock.now_ns() + round(seconds * 1e9)
        steps = 0
        while self.clock.now_ns() < until_ns:
            self.log.keep()
            self.feed()
            steps += 1
            if steps % FLUSH_STEPS == 0:
                self.recordings.flush(self.clock.now_ns())
            self.clock.advance(self.period_s)

    def feed(self) -> None:
        now_ns = self.clock.now_ns()
        time_s = (now_ns - self.began_ns) * 1e-9
        items = [
            Sample("cpu0", now_ns, used_j(time_s), None, None),
            Sample("gpu0", now_ns, None, 200.0, None),
        ]
        for recording in self.recordings.active.values():
            recording.add_items(items, self._started)

    def stop(self) -> None:
        self.feed()
        self.log.stop()


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
