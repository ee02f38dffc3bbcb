"""Entries of a journal, as short as a test needs them."""

from typing import Any

from effmeter.client.journal_entry import JournalEntry

NAMESPACE = "boot/pid"


def entry(run: str, pid: int = 1, begin_ns: int = 0, **more: Any) -> JournalEntry:
    """A program's part in a recording of its own, named like its run."""
    facts: dict[str, Any] = {
        "id": f"{run}-{pid}",
        "run_id": run,
        "name": run,
        "recording": f"recording-{run}",
        "socket": "/s",
        "run_file": f"/runs/{run}.arrow",
        "pid": pid,
        "started": 1,
        "namespace": NAMESPACE,
        "begin_ns": begin_ns,
    }
    return JournalEntry(**(facts | more))
