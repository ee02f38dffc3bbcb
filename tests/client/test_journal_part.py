"""A run's part in the journal."""

from pathlib import Path

import pytest

from effmeter.client.journal import Journal
from effmeter.client.journal_part import JournalPart
from effmeter.client.launch_detection import Launch
from effmeter.client.processes import own_processes
from effmeter.client.request import RunIdentity
from effmeter.client.surroundings import Endpoint, TakenRank
from effmeter.clock import now_ns

LAUNCH = Launch("torchrun", "job", "key", rank=1)
TAKEN = TakenRank("key", 1, "program")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal({"XDG_RUNTIME_DIR": str(tmp_path)}, own_processes())


def begun(journal: Journal, run: str, taken: TakenRank | None = TAKEN) -> JournalPart:
    part = JournalPart(journal, own_processes(), journal.entries())
    part.begin(run, Endpoint("/s", f"of {run}", "/runs/x"), RunIdentity(run), LAUNCH, taken)
    return part


def test_a_part_states_the_rank_that_its_program_is(journal: Journal) -> None:
    begun(journal, "rank")
    begun(journal, "wrapper", None)
    rank, wrapper = journal.entries()
    assert (rank.launch, rank.rank, rank.job_id) == ("key", 1, "job")
    assert (wrapper.launch, wrapper.rank, wrapper.job_id) == ("", 1, "job")


def test_a_part_ends_once_and_notes_what_overlapped_it(journal: Journal) -> None:
    """Other runs of a job overlap where they share more than the time to go from one to another."""
    over = begun(journal, "over")
    over.abandon()
    (ended,) = journal.entries()
    part, _ = begun(journal, "own"), begun(journal, "beside")
    end_ns = now_ns() + 10**10
    (note,) = part.finish(end_ns, root_id=4)
    assert (note["id"], note["name"], note["time_ns"]) == (4, "overlap", end_ns)
    assert '"beside"' in note["text"]
    part.abandon()
    over.abandon()
    ends = {entry.run_id: entry.end_ns for entry in journal.entries()}
    assert ends == {"over": ended.end_ns, "own": end_ns, "beside": None}
    assert part.finish(end_ns, root_id=4) == []
