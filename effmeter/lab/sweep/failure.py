"""What can end one training of a grid without ending the grid."""

from effmeter.lab.workloads import DivergenceError
from effmeter.status import DetailedStatus, Status

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def verdict_on_preparation(error: Exception) -> DetailedStatus | None:
    """A run's status where its training cannot begin: no memory, or data that cannot be dealt.

    None for an error that is not this one training's own.
    """
    return _verdict_on_setting(error)


def verdict_on_training(error: Exception) -> DetailedStatus | None:
    """A run's status for a loss that is not finite, a method that does not fit, or no memory.

    A method tells by a ValueError what it cannot do with this model: as it is attached, or at
    the first batch that shows it. None for any other error.
    """
    if isinstance(error, DivergenceError):
        return DetailedStatus(Status.DIVERGED, f"the loss of epoch {error.epoch} is {error.loss}")
    return _verdict_on_setting(error)


def _verdict_on_setting(error: Exception) -> DetailedStatus | None:
    if isinstance(error, ValueError):
        return DetailedStatus(Status.FAILED, str(error))
    return _verdict_on_memory(error)


def _verdict_on_memory(error: Exception) -> DetailedStatus | None:
    """Python's own error, or one of torch, which says it in several ways."""
    text = str(error)
    is_torchs = isinstance(error, RuntimeError) and any(
        words in text.lower() for words in _OUT_OF_MEMORY
    )
    if not (is_torchs or isinstance(error, MemoryError)):
        return None
    return DetailedStatus(Status.OUT_OF_MEMORY, text.splitlines()[0] if text else "")
