"""Several methods on one model: which go together, and in which order they decide.

Whole batches first, then rows of what is left, then layers, then gradients, then the structure of
the network; so no method looks at what another has left out already. Two that act on the same
would undo or count each other's skips and are refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from torch import Tensor, nn
from torch.optim import Optimizer

from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import ActsOn, AttachError, Batch, Method
from effmeter.methods.skipping.random_skipping import RandomSkipping

_ORDER: tuple[ActsOn, ...] = get_args(ActsOn)


class Combined(Method):
    """Methods that train one model together, in text joined by ``+``; given in any order.

    AttachError for fewer than two, for two that act on the same, for one that is attached
    already, and for methods that cannot be combined. The parts are plugged in and taken off by
    this one alone, and share one work account: ``work`` of each is that of all.
    """

    name = "combined"

    def __init__(self, methods: Sequence[Method], *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        _refuse_clashes(methods)
        self.methods = tuple(sorted(methods, key=_place))
        """In the order in which they decide."""

    @property
    def active(self) -> bool:
        """Whether every one of them has skipped anything so far."""
        return not self.inactive

    @property
    def inactive(self) -> tuple[str, ...]:
        """The names of those that have not."""
        return tuple(method.name for method in self.methods if not method.active)

    def begin_epoch(self, epoch: int, epochs: int | None = None) -> None:
        """For all of them."""
        for method in self.methods:
            method.begin_epoch(epoch, epochs)

    def select(self, batch: Batch) -> Batch | None:
        """What every one of them leaves; the later see only what the earlier left."""
        left: Batch | None = batch
        for method in self.methods:
            if left is None:
                break
            left = method.select(left)
        return left

    def after_backward(self, loss: Tensor) -> None:
        """For all of them."""
        for method in self.methods:
            method.after_backward(loss)

    def end_epoch(self, loss: float) -> None:
        """For all of them."""
        super().end_epoch(loss)
        for method in self.methods:
            method.end_epoch(loss)

    def control(self, *, seed: int = 0, epochs_per_segment: int = 30) -> RandomSkipping:
        """Random batches, in each segment of as much work as all of them have left.

        UnfitError before they have trained.
        """
        return RandomSkipping.matching(self, "batch", seed, epochs_per_segment)

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        for method in self.methods:
            method._refuse_attached()
            method._check(model, optimizer)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        for method in self.methods:
            method._plug(model, optimizer, account)

    def _detach(self) -> None:
        for method in reversed(self.methods):
            method._unplug()

    def _state(self) -> dict[str, Any]:
        return {"methods": [method.state_dict() for method in self.methods]}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        for method, kept in zip(self.methods, state["methods"], strict=True):
            method.load_state_dict(kept)


def _refuse_clashes(methods: Sequence[Method]) -> None:
    if len(methods) < 2:
        raise AttachError("a combination takes two methods or more")
    by_what: dict[ActsOn, Method] = {}
    for method in methods:
        if method.acts_on is None:
            raise AttachError(f"{method.name} cannot be combined with another method")
        if (other := by_what.get(method.acts_on)) is not None:
            raise AttachError(
                f"{other.name} and {method.name} both act on {method.acts_on}: take one of them"
            )
        by_what[method.acts_on] = method


def _place(method: Method) -> int:
    assert method.acts_on is not None, "clashes were refused"
    return _ORDER.index(method.acts_on)
