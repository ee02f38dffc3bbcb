"""Other recordings of this user on this machine that overlapped a run: both count its energy."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from effmeter.client.journal_entry import MAX_NAME, JournalEntry
from effmeter.wire.protocol import MAX_TEXT

MAX_OVERLAPS = 16
SKEW_S = 1.0
"""How far the ranks of a job are apart when they go from one run to the next."""


class Overlap(NamedTuple):
    """The time that a run shared with another recording."""

    seconds: float
    name: str = ""
    run_file: str = ""
    pid: int = 0
    others: int = 1
    """How many recordings this stands for; above 1, they have no name of their own."""

    @property
    def text(self) -> str:
        """What a note says of it, as JSON."""
        if self.others > 1:
            return json.dumps({"others": self.others})
        run_file = self.run_file
        while (too_much := len(text := self._described(run_file)) - MAX_TEXT) > 0:
            # The end of a path tells files apart. A character takes one to six in JSON.
            run_file = run_file[max(1, too_much // 6) :]
        return text

    def _described(self, run_file: str) -> str:
        facts = {"name": self.name, "file": run_file, "pid": self.pid}
        return json.dumps(facts, ensure_ascii=False)


def overlaps(own: JournalEntry, end_ns: int, entries: Iterable[JournalEntry]) -> list[Overlap]:
    """The recordings beside a part that ends now, the longest shared time first.

    Those of other hosts of the same run are left out. So are other runs of the same job that share
    less than ``SKEW_S``: longer ones show that its ranks do not begin the same runs. Beyond
    ``MAX_OVERLAPS`` of them, the last one stands for all others, with the time shared with any.
    """
    shared: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    firsts: dict[str, JournalEntry] = {}
    for entry in entries:
        is_own = entry.run_id == own.run_id and _are_of_one_job(entry, own)
        if is_own or entry.recording == own.recording or entry.boot != own.boot or not own.boot:
            continue
        stretch = (max(entry.begin_ns, own.begin_ns), min(entry.end_ns or end_ns, end_ns))
        if stretch[0] < stretch[1]:
            shared[entry.recording].append(stretch)
            firsts.setdefault(entry.recording, entry)
    for recording, first in firsts.items():
        if _are_of_one_job(first, own) and _seconds(shared[recording]) < SKEW_S:
            del shared[recording]
    ordered = sorted(shared, key=lambda recording: -_seconds(shared[recording]))
    found = [
        Overlap(_seconds(shared[r]), firsts[r].name[:MAX_NAME], firsts[r].run_file, firsts[r].pid)
        for r in ordered[:MAX_OVERLAPS]
    ]
    rest = ordered[MAX_OVERLAPS:]
    if rest:
        found[-1:] = []
        rest.insert(0, ordered[MAX_OVERLAPS - 1])
        together = [stretch for recording in rest for stretch in shared[recording]]
        found.append(Overlap(_seconds(together), others=len(rest)))
    return found


def _are_of_one_job(entry: JournalEntry, other: JournalEntry) -> bool:
    return bool(entry.job_id) and entry.job_id == other.job_id


def _seconds(stretches: Iterable[tuple[int, int]]) -> float:
    """The length of the union of stretches (ns)."""
    total_ns, until_ns = 0, 0
    for begin_ns, end_ns in sorted(stretches):
        total_ns += max(0, end_ns - max(begin_ns, until_ns))
        until_ns = max(until_ns, end_ns)
    return total_ns * 1e-9
