"""What one recording takes of what is read, and when it is written."""

import os
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.base import Reading
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.recorded.work import work_rows
from effmeter.recorder.recording import Recording
from effmeter.recorder.sampling.ingest import ChannelTracker
from effmeter.runfile.format import Metadata
from effmeter.runfile.reader import read_rows
from effmeter.runfile.writer import RunWriter
from effmeter.wire.protocol import ProtocolError
from tests.simulated.clock import ManualClock
from tests.simulated.procfs import OTHER, SHELL, TRAINING, SimulatedWork

COUNTER = Channel(
    "cpu0", Component.CPU, Kind.COUNTER, Provenance.MEASURED, "test", 0.001, unit_j=1e-3
)
GAUGE = Channel("gpu0-power", Component.GPU, Kind.GAUGE, Provenance.MEASURED, "test", 0.02)
SOURCE = {"name": "n", "labels": {}, "host": "h", "rank": None, "program": {"pid": 7}, "id": 1}


class Recorded:
    """A recording with a clock moved by hand, and the run that it becomes."""

    def __init__(
        self,
        folder: Path,
        period_s: float,
        cap_hz: float | None = None,
        clock: ManualClock | None = None,
        counter: Channel = COUNTER,
        gauge: Channel = GAUGE,
    ) -> None:
        self.clock = clock or ManualClock(time_ns=10_000_000_000)
        self.path = folder / "run.arrow"
        self.failures: list[str | None] = []
        self.tracker = ChannelTracker([counter, gauge])
        metadata = Metadata(
            "id",
            "test",
            self.clock.anchor().wall_ns,
            self.clock.now_ns(),
            channels=(counter, gauge),
        )
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self.writer = RunWriter(descriptor, metadata, self.failures.append)
        uid = os.getuid()
        self.recording = Recording(metadata, self.writer, self.clock, period_s, uid, cap_hz)
        self.recording.add_source(1, SOURCE, "h/-/7")

    def read(self, millijoules: int, watts: float = 100.0) -> None:
        """Both channels are read now."""
        now_ns = self.clock.now_ns()
        readings = [
            Reading("cpu0", now_ns, now_ns, millijoules),
            Reading("gpu0-power", now_ns, now_ns, watts),
        ]
        self.recording.add_items(self.tracker.process(readings), self.tracker.started)

    def run(self) -> RecordedRun:
        """End it and read it back."""
        self.recording.end_source(1, "completed")
        self.recording.finish([("powercap", 3)])
        self.writer.join(20)
        assert self.failures == [None]
        return read_run(self.path)


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path, period_s=0.1)


def readings_of(run: RecordedRun, channel: str) -> int:
    rows = read_rows(run.paths[0]).to_pylist()
    return sum(r["channel"] == channel and r["event"] is None for r in rows)


def energies_of(run: RecordedRun) -> list[tuple[datetime, float]]:
    """When the counter was read, and what it showed."""
    rows = read_rows(run.paths[0]).to_pylist()
    return [(r["time"], r["energy_j"]) for r in rows if r["energy_j"] is not None]


def test_energy_counts_from_this_recordings_first_reading(recorded: Recorded) -> None:
    for millijoules in (5000, 5100, 5250):
        recorded.read(millijoules)
        recorded.clock.advance(0.1)
    rows = read_rows(recorded.run().paths[0]).to_pylist()
    assert [r["energy_j"] for r in rows if r["channel"] == "cpu0" and r["event"] is None] == [
        0.0,
        pytest.approx(0.1),
        pytest.approx(0.25),
    ]
    (described,) = [r for r in rows if r["channel"] == "cpu0" and r["event"] == "channel"]
    assert described["value"] == pytest.approx(5.0)


def test_a_slow_recording_thins_what_a_fast_one_had_read(recorded: Recorded) -> None:
    recorded.recording.downsample(True)
    for step in range(1001):
        recorded.read(step)
        recorded.clock.advance(0.001)
    run = recorded.run()
    assert readings_of(run, "cpu0") == 11
    assert readings_of(run, "gpu0-power") == 11


def test_a_slow_recording_keeps_all_of_a_coarse_counter_for_a_while_after_a_mark(
    tmp_path: Path,
) -> None:
    recorded = Recorded(tmp_path, period_s=0.1, counter=replace(COUNTER, refresh_s=0.1))
    recorded.recording.downsample(True)
    recorded.recording.keep_next_readings()
    for step in range(400):
        recorded.read(step)
        recorded.clock.advance(0.02)
    run = recorded.run()
    assert readings_of(run, "cpu0") == 250 + 30
    assert readings_of(run, "gpu0-power") == 80


def test_a_mark_keeps_one_more_reading_of_every_channel(recorded: Recorded) -> None:
    recorded.recording.downsample(True)
    for step in range(101):
        if step in (20, 55):
            recorded.recording.keep_next_readings()
        recorded.read(step)
        recorded.clock.advance(0.001)
    assert readings_of(recorded.run(), "cpu0") == 2 + 2


def test_only_boundaries_want_a_reading(recorded: Recorded) -> None:
    begin = {"event": "span_begin", "time_ns": recorded.clock.now_ns(), "id": 5, "name": "s"}
    metric = {"event": "metric", "time_ns": recorded.clock.now_ns(), "name": "loss", "value": 1.0}
    assert recorded.recording.mark(1, begin)
    assert not recorded.recording.mark(1, metric)
    recorded.run()


def test_a_client_cannot_write_events_that_are_not_its_own(recorded: Recorded) -> None:
    for event in ("end", "gap", "anchor", "channel", "no such event"):
        with pytest.raises(ProtocolError, match="cannot write the event"):
            recorded.recording.mark(1, {"event": event, "time_ns": 0})
    recorded.run()


def test_a_mark_from_the_future_is_dated_to_now(recorded: Recorded) -> None:
    note = {"event": "note", "name": "x", "time_ns": recorded.clock.now_ns() + 10**15}
    recorded.recording.mark(1, note)
    (kept,) = [n for n in recorded.run().notes if n.name == "x"]
    assert kept.time_ns <= recorded.clock.now_ns() + 2 * 10**9


def test_an_anchor_is_written_every_minute(recorded: Recorded) -> None:
    for step in range(25):
        recorded.read(step)
        recorded.recording.flush(recorded.clock.advance(5.0))
    run = recorded.run()
    anchors = [e for e in run.recording.events if e.event == "anchor"]
    assert len(anchors) == 1 + 2 + 1
    assert run.suspends == ()


def test_rows_that_the_disk_is_too_slow_for_are_counted_and_the_end_is_written(
    recorded: Recorded,
) -> None:
    for step in range(2000):
        recorded.read(step)
        recorded.recording.flush(recorded.clock.advance(1.0))
    run = recorded.run()
    rows = read_rows(run.paths[0])
    dropped = sum(int(n.value or 0) for n in run.notes if n.name == "dropped_rows")
    assert rows.num_rows + dropped == max(rows["seq"].to_pylist()) + 1
    assert run.status == "completed"


@pytest.mark.parametrize(("run_id", "status"), [("inner", "completed"), ("id", "interrupted")])
def test_a_run_inside_has_a_status_of_its_own_and_a_rank_that_of_the_recording(
    recorded: Recorded, run_id: str, status: str
) -> None:
    recorded.recording.add_source(2, {**SOURCE, "run_id": run_id, "id": 2}, "h/-/8")
    recorded.recording.end_source(2, "interrupted")
    recorded.recording.end_source(1, "completed")
    assert recorded.recording.status == status
    recorded.recording.finish([])


def test_suspend_shows_between_two_anchors(recorded: Recorded) -> None:
    recorded.clock.advance(10)
    recorded.clock.sleep(300)
    (suspend,) = recorded.run().suspends
    assert suspend.asleep_s == pytest.approx(300)


def test_a_wall_clock_set_back_an_hour_moves_no_reading(recorded: Recorded) -> None:
    for step in range(3):
        recorded.read(step * 100)
        recorded.clock.advance(0.1)
        if step == 0:
            recorded.clock.set_wall(-3600.0)
    run = recorded.run()
    (step_back,) = run.wall_steps
    assert step_back.step_s == pytest.approx(-3600.0)
    moments = [moment for moment, _ in energies_of(run)]
    assert [(b - a).total_seconds() for a, b in pairwise(moments)] == [0.1, 0.1]
    assert run.suspends == ()


def test_what_was_missed_stands_in_the_run(recorded: Recorded) -> None:
    assert recorded.run().missed_deadlines == {"powercap": 3}


def test_a_capped_user_gets_the_same_few_readings_in_all_its_recordings(tmp_path: Path) -> None:
    clock = ManualClock(time_ns=10_000_000_000)
    recordings = []
    for name, wait_ms in (("one", 330), ("two", 1670)):  # in the middle of a slot
        (tmp_path / name).mkdir()
        recordings.append(Recorded(tmp_path / name, period_s=0.1, cap_hz=10.0, clock=clock))
        for step in range(wait_ms):
            clock.advance(0.001)
            for recorded in recordings:
                recorded.read(step)
    one, two = ({r[0] for r in energies_of(recorded.run())} for recorded in recordings)
    assert (len(one), len(two)) == (20, 17)
    assert two <= one


STAMPED = replace(GAUGE, window_s=0.025, lag_s=0.015)


@pytest.mark.parametrize(("cap_hz", "kept"), [(None, 50), (10.0, 9)])
def test_stamped_values_are_all_kept_or_averaged_for_a_capped_user(
    tmp_path: Path, cap_hz: float | None, kept: int
) -> None:
    recorded = Recorded(tmp_path, period_s=0.5, cap_hz=cap_hz, gauge=STAMPED)
    recorded.recording.downsample(True)
    for step in range(50):
        recorded.clock.advance(0.02)
        recorded.read(step)
    run = recorded.run()
    assert readings_of(run, "gpu0-power") == kept
    channel = run.channels["gpu0-power"]
    assert channel.window_s == (0.025 if cap_hz is None else 0.1)


def test_text_that_no_file_can_hold_does_not_end_the_recording(recorded: Recorded) -> None:
    note = {"event": "note", "name": "\udce9", "text": "caf\udce9", "time_ns": 10**10}
    recorded.recording.mark(1, note)
    assert [n.text for n in recorded.run().notes if n.name == "?"] == ["caf?"]


def test_totals_sum_a_cover_of_what_has_been_read(recorded: Recorded) -> None:
    for step in range(11):
        recorded.read(step * 100, watts=50.0)
        recorded.clock.advance(0.1)
    told = recorded.recording.totals.as_message(recorded.clock.now_ns())
    assert told["cover"] == ["gpu0-power", "cpu0"]
    assert told["components"]["cpu"]["j"][0] == pytest.approx(1.0)
    assert told["components"]["gpu"]["j"][0] == pytest.approx(50.0)
    assert told["energy"]["j"][0] == pytest.approx(51.0)
    value_j, low_j, high_j = told["energy"]["j"]
    assert low_j < value_j < high_j
    recorded.run()


UNREAD = {"device": "GPU-b", "component": "gpu", "reason": "the recorder does not see it"}


def test_what_is_learned_of_a_programs_devices_counts_for_it_live_and_in_the_file(
    recorded: Recorded,
) -> None:
    recorded.recording.assume_devices(1, {"hidden_channels": ["cpu0"]})
    recorded.recording.state_devices(1, {"unread_devices": [UNREAD]})
    for millijoules in (5000, 5100, 5200):
        recorded.read(millijoules)
        recorded.clock.advance(0.1)
    live = recorded.recording.totals.as_message(recorded.clock.now_ns())
    assert live["cover"] == ["gpu0-power", "cpu0"]
    assert "GPU-b" in live["partial"]
    run = recorded.run()
    assert [missing.what for missing in run.breakdown().missing] == ["GPU-b"]
    assert run.breakdown().missing[0].reason == UNREAD["reason"]


def test_devices_that_are_stated_again_replace_what_was_stated(recorded: Recorded) -> None:
    recorded.recording.state_devices(1, {"unread_devices": [UNREAD]})
    recorded.recording.state_devices(1, {})
    recorded.read(5000)
    assert recorded.recording.totals.refusals == ()
    run = recorded.run()
    assert run.refusals == ()
    assert run.sources[0].program == {"pid": 7}


def test_the_work_of_programs_is_written_under_their_sources_and_of_others_as_a_sum(
    recorded: Recorded, tmp_path: Path
) -> None:
    machine = SimulatedWork(tmp_path / "machine", roots=(TRAINING,))
    machine.clock.time_ns = recorded.clock.now_ns()
    recorded.recording.add_source(2, {**SOURCE, "id": 2}, f"h/-/{TRAINING}", TRAINING)
    recorded.recording.add_work(machine.seen())
    machine.show(TRAINING, SHELL, 2.0)
    machine.show(OTHER, SHELL, 3.0)
    machine.show_machine(5.0)
    recorded.recording.add_work(machine.seen())
    recorded.recording.add_work(machine.seen(is_boundary=False))
    recorded.clock.advance(10.0)
    rows = work_rows(recorded.run().recording.events)
    times_s = [row.time_ns * 1e-9 for row in rows if row.source is None]
    assert times_s == [11.0, 12.0, 13.0], "the last look stands there too"
    assert [(row.source, row.value, row.id) for row in rows[2:4]] == [
        (None, 5.0, None),
        (f"h/-/{TRAINING}", 2.0, 1),
    ]
