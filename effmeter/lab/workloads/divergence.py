"""The end of a training whose loss is no longer a number."""

from effmeter.errors import EffmeterError


class DivergenceError(EffmeterError):
    """The loss is not finite; the epoch was logged with it, and training ended."""

    def __init__(self, epoch: int, loss: float) -> None:
        super().__init__(f"training diverged: the loss of epoch {epoch} is {loss}")
        self.epoch = epoch
        """Counted from 1."""
        self.loss = loss
