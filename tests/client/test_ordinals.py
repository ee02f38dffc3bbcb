"""The runs of a rank are numbered like those of its peers."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from effmeter.client.journal_entry import MAX_NAME, JournalEntry
from effmeter.client.launch_detection import Launch
from effmeter.client.ordinals import Ordinals
from tests.client.journal_entries import entry

LAUNCH = Launch("torchrun", "job", "key", agent="7.1", rank=1, world_size=2)


def test_runs_are_counted_by_launch_and_by_the_run_around_them() -> None:
    """One rank may evaluate inside its run, where the others do not."""
    ordinals = Ordinals()
    assert [ordinals.take(LAUNCH, None, "a", []) for _ in range(2)] == [0, 1]
    assert ordinals.take(LAUNCH, "around", "a", []) == 0
    assert ordinals.take(replace(LAUNCH, key="next attempt"), None, "a", []) == 0
    assert ordinals.take(LAUNCH, None, "a", []) == 2


def test_a_run_that_the_other_ranks_do_not_begin_moves_no_number() -> None:
    """One rank evaluates before all of them train."""
    ordinals = Ordinals()
    ordinals.take(LAUNCH, None, "eval", [])
    assert [ordinals.take(LAUNCH, None, "train", []) for _ in range(2)] == [0, 1]


def test_a_name_that_the_journal_cuts_is_still_that_name() -> None:
    name = "n" * (MAX_NAME + 1)
    before = entry(name[:-1], 5, launch=LAUNCH.local_key, rank=1, end_ns=3)
    assert Ordinals().take(LAUNCH, None, name, [before]) == 1


def test_runs_of_an_earlier_program_of_the_rank_are_counted() -> None:
    mine: dict[str, Any] = {"name": "a", "launch": LAUNCH.local_key, "rank": 1, "end_ns": 3}
    earlier, other = entry("1", 5, **mine), entry("2", 5, **{**mine, "name": "b"})
    peer, inner = entry("3", 6, **{**mine, "rank": 0}), entry("4", 5, parent_run_id="1", **mine)
    ordinals = Ordinals()
    entries = [earlier, other, peer, inner]
    assert [ordinals.take(LAUNCH, None, "a", entries) for _ in range(2)] == [1, 2]


def test_of_launches_that_look_alike_the_earlier_one_does_not_count() -> None:
    alike = replace(LAUNCH, agent="")
    yesterday = entry("a", 5, launch=alike.local_key, rank=1, end_ns=3)
    assert Ordinals().take(alike, None, "a", [yesterday]) == 0


def test_a_forked_child_counts_for_itself() -> None:
    ordinals = Ordinals()
    ordinals.take(LAUNCH, None, "a", [])
    ordinals.forget()
    assert ordinals.take(LAUNCH, None, "a", []) == 0


def test_a_signal_handler_may_begin_a_run_while_the_code_that_it_interrupts_does() -> None:
    ordinals = Ordinals()
    taken: list[int] = []

    def interrupted() -> Iterator[JournalEntry]:
        taken.append(ordinals.take(LAUNCH, "around", "a", []))
        yield from ()

    arguments = (LAUNCH, None, "a", interrupted())
    thread = threading.Thread(target=ordinals.take, args=arguments, daemon=True)
    thread.start()
    thread.join(5)
    assert taken == [0]
