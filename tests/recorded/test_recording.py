"""What the files of a recording say together, where its recorder had a successor."""

import json
from pathlib import Path

import pytest

from effmeter.errors import NotARunError
from effmeter.recorded.readings import BETWEEN_RECORDERS
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Gap
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from effmeter.runfile.reader import read_part
from tests.runfile.writing import RunFile, at, counter, every, metadata

COUNTER = counter()
SUCCESSOR_S = 3.0
"""When the second file begins."""
Files = tuple[RunFile, RunFile]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The files of a recorder and of its successor, being written."""
    described = metadata(channels=(COUNTER,), labels={"size": 1})
    later = metadata(channels=(COUNTER,), part=2, started_time_ns=at(SUCCESSOR_S))
    return RunFile(tmp_path / "run.arrow", described), RunFile(tmp_path / "run.2.arrow", later)


def joined(files: Files, *problems: str) -> Recording:
    """The first file as its recorder died, the second as far as it was written."""
    first, second = files
    first.kill()
    second.close()
    return Recording([read_part(first.path), read_part(second.path)], problems)


def test_the_status_and_the_end_are_those_of_the_last_file(files: Files) -> None:
    first, second = files
    first.event(2.0, Event.END, text="the recorder was stopped")
    second.event(7.0, Event.END, text="failed: ValueError")
    recording = joined(files)
    assert str(recording.detailed_status) == "failed: ValueError"
    assert recording.recorded_until_ns == at(7)


def test_without_an_end_it_was_interrupted_at_its_last_row(files: Files) -> None:
    first, second = files
    first.event(2.0, Event.END, text="the recorder was stopped")
    second.event(6.0, Event.NOTE, name="so far")
    recording = joined(files)
    assert (str(recording.detailed_status), recording.recorded_until_ns) == ("interrupted", at(6))


def test_nothing_was_recorded_between_two_recorders(files: Files) -> None:
    first, second = files
    first.event(2.0, Event.NOTE, name="last")
    second.event(6.0, Event.NOTE, name="first")
    assert joined(files).gaps == (Gap(None, at(2), at(SUCCESSOR_S), BETWEEN_RECORDERS),)


def test_a_mark_that_was_sent_again_to_a_successor_counts_once(files: Files) -> None:
    first, second = files
    logged = {"source": "host/-/42", "parent": 1, "name": "loss", "value": 0.5}
    for file, times_s in ((first, (1.0, 1.0, 2.0)), (second, (2.0, 4.0))):
        for time_s in times_s:
            file.event(time_s, Event.METRIC, **logged)
    recording = joined(files)
    assert [(row.time_ns, row.part) for row in recording.events] == [
        (at(1), 0),
        (at(1), 0),
        (at(2), 0),
        (at(4), 1),
    ]


def test_missed_deadlines_of_both_recorders_add_and_dropped_marks_go_on(files: Files) -> None:
    for file, time_s, missed, dropped in ((files[0], 1.0, 4.0, 2.0), (files[1], 5.0, 3.0, 6.0)):
        file.event(time_s, Event.NOTE, name="missed_deadlines", value=1.0, text="powercap")
        file.event(time_s + 1, Event.NOTE, name="missed_deadlines", value=missed, text="powercap")
        file.event(time_s, Event.NOTE, name="dropped_marks", value=dropped, source="host/-/42")
    recording = joined(files)
    assert recording.missed_deadlines == {"powercap": 7}
    assert RecordedRun(recording).dropped_marks == 6, "a program counts on with the successor"


def test_only_what_the_program_wrote_is_its_note(files: Files) -> None:
    files[0].event(1.0, Event.NOTE, name="user:dataset", text="digits")
    files[0].event(2.0, Event.NOTE, name="stop", text="max-epochs: 8")
    assert RecordedRun(joined(files)).program_notes == (("dataset", "digits"),)


def test_labels_of_the_recording_outweigh_those_of_a_source_and_are_outweighed_later(
    files: Files,
) -> None:
    files[0].join(0, json.dumps({"labels": {"size": 9, "seed": 3}}))
    files[1].event(4.0, Event.NOTE, name="labels", text=json.dumps({"seed": 4}))
    assert RecordedRun(joined(files)).labels == {"size": 1, "seed": 4}


def test_a_source_that_joins_both_recorders_is_one(files: Files) -> None:
    for time_s, file in zip((0, 4), files, strict=True):
        file.join(time_s, json.dumps({"name": "train.py", "rank": 2, "program": {"pid": 42}}))
    (source,) = joined(files).sources
    assert (source.name, source.rank, source.pid) == ("train.py", 2, 42)


def test_a_description_that_cannot_be_read_is_an_error_of_its_own_file(files: Files) -> None:
    files[1].event(4.0, Event.CHANNEL, channel="cpu0", text="{not JSON")
    with pytest.raises(NotARunError, match=r"run\.2\.arrow cannot be read"):
        _ = joined(files).channels


def test_a_channel_is_as_its_last_row_describes_it(files: Files) -> None:
    files[1].introduce(4.0, counter("late"))
    files[1].introduce(5.0, counter(max_power_w=90.0))
    channels = joined(files).channels
    assert list(channels) == ["cpu0", "late"]
    assert channels["cpu0"].max_power_w == 90.0


def test_energies_reach_over_both_files_and_are_computed_once(files: Files) -> None:
    first, second = files
    first.introduce(0.0, COUNTER, 10.0)
    first.count("cpu0", every(0.1, 0, 2), 20.0)
    second.introduce(SUCCESSOR_S, COUNTER, 10.0 + 60.0)
    second.count("cpu0", every(0.1, SUCCESSOR_S, 5), 20.0)
    recording = joined(files)
    energy = recording.channel_energy("cpu0", at(0), at(5))
    assert energy is not None
    assert energy.value_j == pytest.approx(100.0, abs=0.1)
    assert recording.channel_energy("cpu0", at(0), at(5)) is energy
    samples = recording.samples("cpu0")
    assert samples is not None
    assert len(samples.times_ns) == 21 + 21


def test_of_a_channel_that_was_never_read_nothing_is_known(files: Files) -> None:
    recording = joined(files)
    for channel in ("cpu0", "no such channel"):
        known = (recording.trace(channel), recording.readings(channel), recording.samples(channel))
        assert known == (None, None, None)
        assert recording.channel_energy(channel, at(0), at(1)) is None


def test_a_damaged_file_is_named_beside_what_was_met_while_opening(files: Files) -> None:
    _damage_second_batch(files[0])
    files[1].close()
    parts = [read_part(file.path) for file in files]
    assert Recording(parts, ("a problem",)).warnings == (
        "a problem",
        "run.arrow is damaged: batch 2 of 3, 2 s",
    )
    alone = Recording(parts[:1])
    assert alone.warnings == ("damaged: batch 2 of 3, 2 s",)
    (gap,) = alone.gaps
    assert (gap.channel, gap.begin_ns, gap.end_ns) == (None, at(1), at(3))


def _damage_second_batch(file: RunFile) -> None:
    for time_s in (1.0, 2.0, 3.0):
        file.event(time_s, Event.NOTE, name="so far")
        file.flush()
    file.close()
    data = bytearray(file.path.read_bytes())
    data[(file.batches[0][0] + file.batches[1][0]) // 2] ^= 1
    file.path.write_bytes(data)
