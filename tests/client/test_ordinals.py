"""The runs of a rank are numbered like those of its peers."""

import threading
from collections.abc import Iterator
from dataclasses import replace

from effmeter.client.journal_entry import JournalEntry
from effmeter.client.launch_detection import Launch
from effmeter.client.ordinals import Ordinals
from tests.client.journal_entries import entry

LAUNCH = Launch("torchrun", "job", "key", agent="7.1", rank=1, world_size=2)


def test_runs_are_counted_by_launch_and_by_the_run_around_them() -> None:
    """One rank may evaluate inside its run, where the others do not."""
    ordinals = Ordinals()
    assert [ordinals.take(LAUNCH, None, []) for _ in range(2)] == [0, 1]
    assert ordinals.take(LAUNCH, "around", []) == 0
    assert ordinals.take(replace(LAUNCH, key="next attempt"), None, []) == 0
    assert ordinals.take(LAUNCH, None, []) == 2


def test_runs_of_an_earlier_program_of_the_rank_are_counted() -> None:
    earlier = entry("a", 5, launch=LAUNCH.local_key, rank=1, end_ns=3)
    peer = entry("b", 6, launch=LAUNCH.local_key, rank=0, end_ns=3)
    inner = entry("c", 5, launch=LAUNCH.local_key, rank=1, parent_run_id="a", end_ns=2)
    ordinals = Ordinals()
    assert [ordinals.take(LAUNCH, None, [earlier, peer, inner]) for _ in range(2)] == [1, 2]


def test_of_launches_that_look_alike_the_earlier_one_does_not_count() -> None:
    alike = replace(LAUNCH, agent="")
    yesterday = entry("a", 5, launch=alike.local_key, rank=1, end_ns=3)
    assert Ordinals().take(alike, None, [yesterday]) == 0


def test_a_forked_child_counts_for_itself() -> None:
    ordinals = Ordinals()
    ordinals.take(LAUNCH, None, [])
    ordinals.forget()
    assert ordinals.take(LAUNCH, None, []) == 0


def test_a_signal_handler_may_begin_a_run_while_the_code_that_it_interrupts_does() -> None:
    ordinals = Ordinals()
    taken: list[int] = []

    def interrupted() -> Iterator[JournalEntry]:
        taken.append(ordinals.take(LAUNCH, "around", []))
        yield from ()

    thread = threading.Thread(target=ordinals.take, args=(LAUNCH, None, interrupted()), daemon=True)
    thread.start()
    thread.join(5)
    assert taken == [0]
