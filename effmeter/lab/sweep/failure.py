"""How one training of a sweep can fail without ending the sweep."""

import traceback
from typing import NamedTuple

from effmeter.errors import DataSetError, EffmeterError, UnfitError
from effmeter.lab.workloads import DivergenceError
from effmeter.status import DetailedStatus, Status
from effmeter.wire.protocol import MAX_TEXT

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")
_CUT = "...\n"
_LONGEST_REASON = 300
"""Characters; an error can carry a whole tensor in its text."""


class Failure(NamedTuple):
    """The status of a run that failed; for a bug also its traceback, for a known cause None."""

    status: DetailedStatus
    traceback: str | None = None


def failure_of(error: Exception) -> Failure | None:
    """What a run says of the error that ended it; None for an error that must end the sweep.

    A loss that is not finite, a method or data set that does not fit, damaged files and a lack of
    memory are known causes. Every other error of effmeter's own tree concerns the whole sweep: a
    recorder that cannot start, an energy budget that nothing measures. Whatever else is raised is
    a bug in a model, a method or effmeter.
    """
    if isinstance(error, DivergenceError):
        reason = f"the loss of epoch {error.epoch} is {error.loss}"
        return Failure(DetailedStatus(Status.DIVERGED, reason))
    reason = _one_line(str(error))
    if isinstance(error, UnfitError | DataSetError):
        return Failure(DetailedStatus(Status.FAILED, reason))
    if isinstance(error, EffmeterError):
        return None
    if _is_lack_of_memory(error):
        return Failure(DetailedStatus(Status.OUT_OF_MEMORY, reason))
    kind = type(error).__name__
    crash = DetailedStatus(Status.CRASHED, f"{kind}: {reason}" if reason else kind)
    return Failure(crash, _traceback_of(error))


def _one_line(text: str) -> str:
    """The first line, for a status."""
    return text.strip().partition("\n")[0][:_LONGEST_REASON]


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether it is Python's MemoryError, or one of the several texts of torch's RuntimeError."""
    text = str(error).lower()
    is_torch = isinstance(error, RuntimeError) and any(words in text for words in _OUT_OF_MEMORY)
    return is_torch or isinstance(error, MemoryError)


def _traceback_of(error: Exception) -> str:
    """As Python prints it; of one too long for a note the end, which names the error."""
    text = "".join(traceback.format_exception(error))
    return text if len(text) <= MAX_TEXT else _CUT + text[len(_CUT) - MAX_TEXT :]
