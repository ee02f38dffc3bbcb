"""Recordings that a run shared its time with."""

import json

import pytest

from effmeter.client.journal_entry import MAX_NAME
from effmeter.client.overlap import MAX_OVERLAPS, Overlap, overlaps
from effmeter.wire.protocol import MAX_TEXT
from tests.client.journal_entries import entry

SECOND = 10**9
OWN = entry("own", begin_ns=10 * SECOND)


def test_the_time_that_another_recording_shares_is_that_of_both() -> None:
    others = [
        entry("before", 2, 5 * SECOND, end_ns=10 * SECOND),
        entry("into", 3, 5 * SECOND, end_ns=12 * SECOND),
        entry("still", 4, 19 * SECOND),
        entry("after", 5, 20 * SECOND),
        entry("blink", 6, 11 * SECOND, end_ns=11 * SECOND + 2_000_000),
    ]
    found = overlaps(OWN, 20 * SECOND, [OWN, *others])
    assert [(o.name, o.seconds) for o in found] == [("into", 2.0), ("still", 1.0), ("blink", 0.002)]
    assert json.loads(found[0].text) == {"name": "into", "file": "/runs/into.arrow", "pid": 3}


@pytest.mark.parametrize("character", ["a", "\n", "é", "\x00"])
def test_the_text_of_an_overlap_fits_a_note(character: str) -> None:
    """It keeps the end of a long path, which tells files apart."""
    many = character * 5000
    overlap = Overlap(1.0, many[:MAX_NAME], f"{many}/run.arrow", 2**62)
    assert len(overlap.text) <= MAX_TEXT
    assert json.loads(overlap.text)["file"].endswith(f"{character * 300}/run.arrow")


def test_the_parts_of_one_recording_count_once() -> None:
    ranks = [
        entry("ranks", pid, 12 * SECOND, end_ns=(15 + pid) * SECOND, recording="r")
        for pid in (2, 3)
    ]
    assert [o.seconds for o in overlaps(OWN, 20 * SECOND, ranks)] == [6.0]


def test_what_is_of_the_same_recording_or_run_does_not_overlap() -> None:
    inner = entry("inner", 2, 12 * SECOND, recording=OWN.recording)
    own = entry("own", begin_ns=10 * SECOND, job_id="job")
    peer = entry("own", 3, 12 * SECOND, recording="other host's", job_id="job")
    assert overlaps(OWN, 20 * SECOND, [inner]) == []
    assert overlaps(own, 20 * SECOND, [peer]) == []
    assert len(overlaps(OWN, 20 * SECOND, [peer])) == 1


def test_another_run_of_the_same_job_overlaps_unless_its_ranks_only_pass_by() -> None:
    """One rank may evaluate before it trains, where the others train at once."""
    own = entry("own", begin_ns=10 * SECOND, job_id="job")
    beside = entry("beside", 3, 12 * SECOND, job_id="job")
    before = entry("before", 3, 5 * SECOND, end_ns=11 * SECOND - 1, job_id="job")
    assert [o.name for o in overlaps(own, 20 * SECOND, [before, beside])] == ["beside"]


def test_times_of_another_boot_say_nothing() -> None:
    assert overlaps(OWN, 20 * SECOND, [entry("old", 2, 12 * SECOND, namespace="older/pid")]) == []


def test_a_container_of_the_same_boot_overlaps() -> None:
    contained = entry("in", 2, 12 * SECOND, namespace="boot/other")
    assert len(overlaps(OWN, 20 * SECOND, [contained])) == 1


def test_beyond_a_number_of_recordings_the_last_stands_for_the_others() -> None:
    many = [entry(str(n), n, (11 + n % 5) * SECOND, end_ns=16 * SECOND) for n in range(2, 42)]
    found = overlaps(OWN, 20 * SECOND, many)
    assert len(found) == MAX_OVERLAPS
    assert sum(o.others for o in found) == 40
    assert json.loads(found[-1].text) == {"others": 25}
    assert found[-1] == Overlap(4.0, others=25)
