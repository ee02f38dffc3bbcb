"""How a run ended, or that it still records.

A run file holds it as text, such as ``failed: ValueError``, which is parsed once, where the file
is read.
"""

from enum import StrEnum
from typing import NamedTuple, Self


class Status(StrEnum):
    """The state of a run; compare with these rather than with texts."""

    NOT_BEGUN = "not begun"
    RECORDING = "recording"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    """The program was killed, or left without a word."""
    RECORDER_STOPPED = "the recorder was stopped"
    FAILED = "failed"
    """An exception, a signal or an exit status; the detail names it."""
    CRASHED = "crashed"
    """A bug in a model, a method or effmeter ended a training of a sweep."""
    DIVERGED = "diverged"
    """The loss was no finite number."""
    OUT_OF_MEMORY = "out of memory"
    UNKNOWN = "unknown"
    """The end of the file is damaged."""
    OTHER = "other"
    """A status of the program's own; the detail is its text."""


class DetailedStatus(NamedTuple):
    """A status with its detail; as text what a run file holds."""

    status: Status
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The status of a run file's text."""
        word, _, detail = text.partition(": ")
        if word in set(Status) - {Status.OTHER}:
            return cls(Status(word), detail)
        return cls(Status.OTHER, text)

    def __str__(self) -> str:
        if self.status is Status.OTHER:
            return self.detail
        return f"{self.status}: {self.detail}" if self.detail else str(self.status)


COMPLETED = DetailedStatus(Status.COMPLETED)
INTERRUPTED = DetailedStatus(Status.INTERRUPTED)
