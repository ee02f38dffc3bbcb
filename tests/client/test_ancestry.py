"""A worker belongs to the run that its ancestor records now."""

import pytest

from effmeter.client.ancestry import innermost, is_of_rank, run_of_ancestors
from effmeter.client.journal_entry import JournalEntry
from tests.client.journal_entries import entry
from tests.client.process_table import OWN_PID, ProcessTable, Row

WORKER = ProcessTable({OWN_PID: Row(99), 99: Row(98), 98: Row(97), 97: Row(1)})
"""A worker whose grandparent is 98."""


def found(*entries: JournalEntry, processes: ProcessTable = WORKER, launch: str = "") -> str | None:
    around = run_of_ancestors(entries, processes, launch)
    return None if around is None else around.run_id


def test_the_open_run_of_the_nearest_ancestor_is_around_a_worker() -> None:
    assert found(entry("far", 97), entry("near", 98), entry("beside", 55)) == "near"


def test_ended_runs_and_strangers_are_not(  # a worker that is reused for a second run
) -> None:
    assert found(entry("first", 98, end_ns=5), entry("second", 98)) == "second"
    assert found(entry("first", 98, end_ns=5), entry("stranger", 55)) is None


def test_a_number_that_another_process_has_now_is_not_the_ancestor() -> None:
    assert found(entry("old", 98, started=7)) is None


def test_a_number_of_another_namespace_is_not_the_ancestor() -> None:
    assert found(entry("contained", 98, namespace="boot/other")) is None


def test_a_run_inside_another_is_the_innermost() -> None:
    runs = (entry("a", 98), entry("b", 98, parent_run_id="a"), entry("c", 98, parent_run_id="b"))
    assert found(*runs) == "c"
    assert found(*reversed(runs)) == "c"


def test_runs_beside_each_other_inside_one_leave_the_worker_in_that_one() -> None:
    assert (
        found(entry("a", 98), entry("b", 98, parent_run_id="a"), entry("c", 98, parent_run_id="a"))
        == "a"
    )


def test_the_run_of_the_main_thread_counts_before_those_of_others() -> None:
    assert found(entry("main", 98), entry("thread", 98, is_main_thread=False)) == "main"
    assert found(entry("thread", 98, is_main_thread=False)) == "thread"


def test_of_runs_beside_each_other_none_is_chosen_but_one_further_out_is() -> None:
    beside = [entry(name, 98, is_main_thread=False) for name in "ab"]
    assert innermost(beside) is None
    assert found(*beside) is None
    assert found(*beside, entry("command", 97)) == "command"


def test_ranks_of_one_launch_are_not_inside_each_other() -> None:
    """Lightning's first rank is the parent of the others."""
    first = entry("ranks", 98, launch="key", rank=0)
    assert found(first, launch="key") is None
    assert found(first, launch="other") == "ranks"
    assert found(first, entry("driver", 97), launch="key") == "driver"


@pytest.mark.parametrize(
    ("taken", "rank", "expected"),
    [
        (entry("r", 98, launch="key", rank=1), 1, True),
        (entry("r", 98, launch="key", rank=1, end_ns=3), 1, True),
        (entry("r", 98, launch="key", rank=0), 1, False),
        (entry("r", 98, launch="key", rank=0), None, True),
        (entry("r", 98, launch="older", rank=1), 1, False),
        (entry("r", 55, launch="key", rank=1), 1, False),
    ],
)
def test_a_child_of_a_rank_is_no_rank(
    taken: JournalEntry, rank: int | None, expected: bool
) -> None:
    assert is_of_rank([taken], WORKER, "key", rank) is expected
