"""Inside which run a program begins another, and whether it is a rank."""

from dataclasses import replace
from typing import Any

import pytest

from effmeter.client.journal_entry import JournalEntry
from effmeter.client.launch_detection import Launch
from effmeter.client.standing import Standing, stand
from effmeter.client.surroundings import Endpoint, Surroundings, TakenRank
from tests.client.journal_entries import entry
from tests.client.process_table import OWN_PID, ProcessTable, Row

PARENT = 99
MACHINE = ProcessTable({OWN_PID: Row(PARENT), PARENT: Row(98), 98: Row(1)})
LAUNCH = Launch("torchrun", "job", "key", rank=1, world_size=2)


def around(run: str, taken: TakenRank | None = None) -> Surroundings:
    """The run of that name, as ``entry`` describes it."""
    return Surroundings(Endpoint("/s", f"recording-{run}", f"/runs/{run}.arrow"), run, taken)


def standing(
    *entries: JournalEntry,
    enclosing: Surroundings | None = None,
    invitation: Surroundings | None = None,
    launch: Launch | None = None,
) -> Standing:
    return stand(enclosing, invitation, launch, "me", OWN_PID, entries, MACHINE)


def runs(found: Standing) -> list[str | None]:
    return [surroundings.run_id for surroundings in found.around]


def test_a_program_that_was_started_alone_is_inside_of_nothing() -> None:
    assert standing(entry("stranger", 7)) == Standing(None)


def test_a_run_of_this_process_is_around_whatever_else_is() -> None:
    found = standing(entry("p", PARENT), enclosing=around("own"), invitation=around("env"))
    assert runs(found) == ["own"]
    assert found.is_joinable


def test_an_invitation_to_a_run_that_goes_on_is_followed() -> None:
    found = standing(entry("a", 7), invitation=around("a"))
    assert (runs(found), found.is_joinable) == (["a"], True)


def test_a_worker_whose_invitation_is_over_joins_what_its_ancestor_records_now() -> None:
    found = standing(entry("a", PARENT, end_ns=5), entry("b", PARENT), invitation=around("a"))
    assert runs(found)[0] == "b"


def test_an_invitation_that_is_over_is_no_fault_where_nothing_else_is_recorded() -> None:
    found = standing(entry("a", PARENT, end_ns=5), invitation=around("a"))
    assert not found.is_joinable


def test_a_worker_that_was_started_before_the_run_joins_it() -> None:
    assert runs(standing(entry("a", 98))) == ["a"]


def test_a_worker_works_for_the_run_that_its_parent_has_begun_inside_since() -> None:
    found = standing(
        entry("a", PARENT), entry("b", PARENT, parent_run_id="a"), invitation=around("a")
    )
    assert runs(found)[0] == "b"


def test_a_run_of_another_thread_does_not_take_a_worker_over() -> None:
    thread = entry("t", PARENT, parent_run_id="a", is_main_thread=False)
    found = standing(entry("a", PARENT), thread, invitation=around("a"))
    assert runs(found)[0] == "a"


def test_without_a_journal_the_invitation_is_tried() -> None:
    found = standing(invitation=around("a"))
    assert (runs(found), found.is_joinable, found.parent_elsewhere) == (["a"], False, None)


# Ranks


def test_a_rank_inside_a_command_is_a_rank_inside_its_run() -> None:
    found = standing(entry("command", 98), invitation=around("command"), launch=LAUNCH)
    assert (found.launch, runs(found)[0]) == (LAUNCH, "command")


def test_on_a_host_where_the_run_around_is_unknown_the_ranks_are_inside_it_all_the_same() -> None:
    found = standing(invitation=around("first host's"), launch=LAUNCH)
    assert found.parent_elsewhere == "first host's"


@pytest.mark.parametrize("rank", [1, None])
def test_a_child_of_a_rank_is_none_by_what_it_inherits(rank: int | None) -> None:
    taken = TakenRank(LAUNCH.local_key, rank, "parent")
    found = standing(entry("r", 7), invitation=around("r", taken), launch=LAUNCH)
    assert (found.launch, runs(found)) == (None, ["r"])


def test_a_run_inside_a_rank_s_own_is_the_rank_s() -> None:
    taken = TakenRank(LAUNCH.local_key, 1, "me")
    assert standing(enclosing=around("r", taken), launch=LAUNCH).launch == LAUNCH


def test_a_child_of_a_rank_is_none_after_the_run_either() -> None:
    before = entry("r", PARENT, launch=LAUNCH.local_key, rank=1, end_ns=4)
    assert standing(before, launch=LAUNCH).launch is None


def test_a_rank_that_another_one_started_is_a_peer() -> None:
    """Lightning: the first rank starts the others, within its run or before."""
    taken = TakenRank(LAUNCH.local_key, 0, "first")
    first = entry("r", PARENT, launch=LAUNCH.local_key, rank=0)
    found = standing(first, entry("command", 98), invitation=around("r", taken), launch=LAUNCH)
    assert (found.launch, runs(found)) == (LAUNCH, ["command"])


def test_a_second_program_with_the_variables_of_one_rank_is_none() -> None:
    """Where the environment of its parent cannot be read, nothing tells a child from its rank."""
    taken: dict[str, Any] = {"launch": LAUNCH.local_key, "rank": 1}
    second = standing(entry("r", 7, **taken), launch=LAUNCH)
    assert (second.launch, second.is_second_of_rank) == (None, True)
    for free in (
        entry("own", OWN_PID, **taken),
        entry("over", 7, end_ns=5, **taken),
        entry("peer", 7, launch=LAUNCH.local_key, rank=0),
        entry("contained", 7, namespace="boot/other", **taken),
    ):
        found = standing(free, launch=LAUNCH)
        assert (found.launch, found.is_second_of_rank) == (LAUNCH, False), free.name


def test_of_ranks_whose_number_is_unknown_each_is_one() -> None:
    unknown = replace(LAUNCH, rank=None)
    assert standing(entry("r", 7, launch=LAUNCH.local_key), launch=unknown).launch == unknown


def test_another_launch_s_rank_may_start_a_launch() -> None:
    taken = TakenRank("older", 1, "parent")
    found = standing(entry("r", PARENT), invitation=around("r", taken), launch=LAUNCH)
    assert (found.launch, runs(found)[0]) == (LAUNCH, "r")


def test_a_launch_with_an_agent_is_that_agent_s() -> None:
    mine = replace(LAUNCH, agent="7.1")
    taken = TakenRank(replace(LAUNCH, agent="8.1").local_key, 1, "parent")
    assert standing(entry("r", 7), invitation=around("r", taken), launch=mine).launch == mine
