"""The journal of one user's recordings, whatever happens to its file."""

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from effmeter.client.journal import KEPT_NS, MAX_BYTES, SWEEP_BYTES, Journal
from effmeter.client.journal_entry import JournalEntry
from effmeter.client.journal_file import locked
from effmeter.client.last_write import LastWrites
from effmeter.clock import now_ns
from tests.client.journal_entries import entry
from tests.client.process_table import ProcessTable, Row

ALIVE = 100
OWN = entry("own", ALIVE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The journal's file; its folder is there, it is not."""
    (tmp_path / "effmeter").mkdir(mode=0o700)
    return tmp_path / "effmeter" / "journal"


@pytest.fixture
def journal(place: Path) -> Journal:
    return Journal({"XDG_RUNTIME_DIR": str(place.parents[1])}, ProcessTable({ALIVE: Row()}))


def shown(journal: Journal) -> list[tuple[str, int | None]]:
    return [(found.run_id, found.end_ns) for found in journal.entries()]


def test_parts_begin_and_end(journal: Journal, place: Path) -> None:
    first, second = entry("a", ALIVE, 5), entry("b", ALIVE, 6)
    for one in (first, second):
        journal.begin(one)
    journal.end(first, 9)
    assert shown(journal) == [("a", 9), ("b", None)]
    assert place.stat().st_mode & 0o777 == 0o600


def test_of_ended_parts_those_are_read_that_are_needed(journal: Journal) -> None:
    journal.begin(entry("early", ALIVE, 1, end_ns=5))
    journal.begin(entry("late", ALIVE, 1, end_ns=7))
    journal.begin(entry("rank", ALIVE, 1, end_ns=5, launch="key"))
    journal.begin(entry("open", ALIVE, 1))

    def names(found: list[JournalEntry]) -> list[str]:
        return [one.run_id for one in found]

    assert names(journal.entries()) == ["early", "late", "rank", "open"]
    assert names(journal.entries(5)) == ["late", "rank", "open"]
    assert names(journal.entries(7, with_ranks=False)) == ["open"]
    assert names(journal.entries(7, "early", with_ranks=False)) == ["early", "open"]


def test_a_program_that_died_ended_with_the_last_write_to_its_file(
    journal: Journal, tmp_path: Path
) -> None:
    file = tmp_path / "run.arrow"
    file.touch()
    ago_s = 100
    os.utime(file, (time.time() - ago_s,) * 2)
    begin_ns = now_ns() - 200 * 10**9
    journal.begin(entry("dead", 55, begin_ns, run_file=str(file)))
    journal.begin(entry("reused", ALIVE, begin_ns, started=7, run_file=str(file)))
    journal.begin(entry("contained", ALIVE, begin_ns, namespace="boot/x", run_file=str(file)))
    for found in journal.beside(OWN, ()):
        assert found.end_ns == pytest.approx(now_ns() - ago_s * 10**9, abs=5 * 10**9)


def test_a_program_that_died_without_a_file_ended_when_it_began(journal: Journal) -> None:
    journal.begin(entry("dead", 55, 17))
    assert [found.end_ns for found in journal.beside(OWN, ())] == [17]


def test_what_was_over_before_a_run_is_not_beside_it(journal: Journal) -> None:
    journal.begin(entry("ended", ALIVE, 1, end_ns=2))
    journal.begin(entry("died", 55, 1))
    journal.begin(entry("running", ALIVE, 1))
    own = entry("own", ALIVE, 3)
    over = [found.id for found in journal.entries() if found.end_ns is not None]
    assert [found.run_id for found in journal.beside(own, over)] == ["running"]


def test_no_begin_waits_for_the_file_of_another_program(place: Path) -> None:
    """As on a network file system that hangs: what was read before the answer counts."""
    asked, answers = threading.Event(), threading.Event()

    def hang(path: str) -> os.stat_result:
        asked.set()
        answers.wait(60)
        return os.stat(path)

    machine = ProcessTable({ALIVE: Row()})
    journal = Journal({"XDG_RUNTIME_DIR": str(place.parents[1])}, machine, LastWrites(hang))
    journal.begin(entry("dead", 55, 17))
    assert shown(journal) == [("dead", 17)]
    assert not asked.is_set()
    (dead,) = journal.beside(OWN, ())
    assert asked.is_set()
    assert dead.end_ns == pytest.approx(now_ns(), abs=60 * 10**9)
    with place.open("ab") as file:
        file.write(b"x" * SWEEP_BYTES)
    journal.begin(entry("new", ALIVE, 18))
    assert place.stat().st_size < SWEEP_BYTES, "it was swept"
    answers.set()


def test_thousands_of_open_parts_are_bounded(journal: Journal, place: Path) -> None:
    dead = [entry(f"r{n}", 1000 + n, n).begin_line() for n in range(5000)]
    place.write_text("\n".join(dead) + "\n")
    assert len(journal.entries()) < 3000
    journal.begin(entry("new", ALIVE, now_ns()))
    assert [found.run_id for found in journal.entries()] == ["new"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\n",
        b"{" * 5000 + b"\n",
        b'[1]\n"x"\n7\n',
        b'{"id": "a-100", "end_ns": "x"}\n',
        b"{",
    ],
)
def test_garbage_hides_nothing_beside_it(journal: Journal, place: Path, garbage: bytes) -> None:
    journal.begin(entry("a", ALIVE))
    with place.open("ab") as file:
        file.write(garbage)
    journal.begin(entry("b", ALIVE))
    assert [found.run_id for found in journal.entries()] == ["a", "b"]


def test_without_a_file_there_are_no_entries(journal: Journal) -> None:
    assert journal.entries() == []


def test_a_sweep_keeps_what_a_run_can_still_need(journal: Journal, place: Path) -> None:
    now = now_ns()
    for number in range(3):
        journal.begin(entry(f"old{number}", ALIVE, number, end_ns=50))
    journal.begin(entry("older boot", ALIVE, now, namespace="older/pid"))
    journal.begin(entry("rank", ALIVE, now - 100, end_ns=now - 90, launch="key", rank=0))
    journal.begin(entry("rank before", ALIVE, 1, end_ns=max(2, now - KEPT_NS - 10), launch="key"))
    journal.begin(entry("beside", ALIVE, now - 60, end_ns=now - 40))
    journal.begin(entry("open", ALIVE, now - 50))
    with place.open("ab") as file:
        file.write(b"x" * SWEEP_BYTES)
    journal.begin(entry("new", ALIVE, now))
    kept = [found.run_id for found in journal.entries()]
    assert [name for name in kept if name != "rank before"] == ["rank", "beside", "open", "new"]
    assert place.stat().st_size < SWEEP_BYTES


def test_a_thousand_runs_leave_a_small_file(journal: Journal, place: Path) -> None:
    largest = 0
    for number in range(1000):
        one = entry(f"r{number}", ALIVE, now_ns())
        journal.begin(one)
        journal.end(one, now_ns())
        largest = max(largest, place.stat().st_size)
    assert largest < SWEEP_BYTES + 1000
    assert sorted(path.name for path in place.parent.iterdir()) == ["journal", "journal.lock"]


def test_parts_that_stay_open_are_not_swept_again_and_again(journal: Journal, place: Path) -> None:
    place.write_text("")
    lines = [entry(f"open{n}", ALIVE, n).begin_line() for n in range(500)]
    place.write_text("\n".join(lines) + "\n")
    journal.begin(entry("a", ALIVE))
    swept = json.loads(place.read_text().splitlines()[0])["swept"]
    assert swept > SWEEP_BYTES
    inode = place.stat().st_ino
    journal.begin(entry("b", ALIVE))
    assert place.stat().st_ino == inode


def test_a_file_that_cannot_be_made_smaller_loses_its_oldest_lines(
    journal: Journal, place: Path
) -> None:
    lines = [entry(f"open{n}", ALIVE, n).begin_line() for n in range(MAX_BYTES // 200)]
    place.write_text("\n".join(lines) + "\n")
    journal.begin(entry("new", ALIVE))
    names = [found.run_id for found in journal.entries()]
    assert names[-1] == "new"
    assert "open0" not in names
    assert place.stat().st_size < MAX_BYTES


def no_folder(place: Path) -> None:
    place.parent.rmdir()
    place.parent.write_text("a file where the folder should be")


def a_link(place: Path) -> None:
    target = place.parents[1] / "secret"
    target.write_text("mine")
    place.symlink_to(target)


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_folder(place: Path) -> None:
    place.mkdir()


def writable_by_others(place: Path) -> None:
    place.parent.chmod(0o777)


@pytest.mark.parametrize("spoil", [no_folder, a_link, a_pipe, a_folder, writable_by_others])
def test_a_place_that_cannot_be_used_is_done_without(
    journal: Journal, place: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(place)
    one = entry("a", ALIVE)
    journal.begin(one)
    journal.end(one, 5)
    assert journal.entries() == []
    secret = place.parents[1] / "secret"
    assert not secret.exists() or secret.read_text() == "mine"


def test_a_lock_that_another_program_holds_delays_a_run_by_a_moment(
    journal: Journal, place: Path
) -> None:
    with place.with_name("journal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began_s = time.monotonic()
        journal.begin(entry("a", ALIVE))
        assert time.monotonic() - began_s < 5.0
    assert journal.entries() == []


def test_a_child_forked_while_a_line_is_written_keeps_no_lock(
    journal: Journal, place: Path
) -> None:
    """As a loader's worker, forked by another thread: it lives as long as the program."""
    with locked(place.with_name("journal.lock")):
        lock = place.with_name("journal.lock").stat()
        copies = [os.dup(fd) for fd in range(3, 1024) if is_open_at(fd, lock)]
    assert copies
    try:
        journal.begin(entry("a", ALIVE))
        assert shown(journal) == [("a", None)]
    finally:
        for copy in copies:
            os.close(copy)


def is_open_at(descriptor: int, place: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), place)
    return False


def test_a_sweep_that_cannot_write_loses_nothing(journal: Journal, place: Path) -> None:
    journal.begin(entry("a", ALIVE))
    place.with_name("journal.new").mkdir()
    with place.open("ab") as file:
        file.write(b"x" * SWEEP_BYTES)
    journal.begin(entry("b", ALIVE))
    assert [found.run_id for found in journal.entries()] == ["a", "b"]
    assert journal.entries()[0].end_ns is None
