"""Data selection by random batch skipping, as in E2-Train.

Source: Boumendil et al., grow, prune or select data, the section on data selection (after Wang et
al., E2-Train). Each batch is kept with probability ``keep``; on a skipped one nothing is computed,
and the optimizer steps again with the gradients of the last batch kept. The first batch is always
kept. Whether a skip steps again is a parameter.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import Batch, Dense, Method

OnSkip = Literal["replay", "none"]


class E2Train(Method):
    """Keeps each batch with probability ``keep``; see the module.

    With ``on_skip`` ``"replay"`` the gradients are kept as the optimizer used them, clipped and
    unscaled, at the cost of one copy of them; the method itself calls ``optimizer.step()``, so
    the loop must step once for each batch. ``"none"`` leaves a skipped batch out, and gradients
    may then be accumulated over batches.
    """

    name = "e2-train"
    acts_on = "batches"

    def __init__(self, *, keep: float = 0.5, on_skip: OnSkip = "replay", seed: int = 0) -> None:
        super().__init__(seed=seed)
        if not 0.0 < keep <= 1.0:
            raise UsageError(f"keep lies in (0, 1], not at {keep:g}")
        self._keep, self._on_skip = keep, on_skip
        self._started = self._skipped = self._backward_waits = False
        self._stash: list[Tensor | None] = []
        self._optimizer: Optimizer | None = None
        self._hook: RemovableHandle | None = None

    @property
    def active(self) -> bool:
        """Whether it has skipped any batch so far."""
        return self._skipped

    def select(self, batch: Batch) -> Batch | None:
        """The batch, or nothing of it.

        UnfitError where gradients wait for their step while a skip is to step again.
        """
        drawn = torch.rand((), generator=self.generator).item()
        if drawn < self._keep or not self._started:
            self._started = True
            return batch
        if self._on_skip == "replay":
            self._replay()
        self._skipped = True
        return None

    def after_backward(self, loss: Tensor) -> None:
        """There are gradients that the optimizer has not seen."""
        self._backward_waits = True

    def control(self, *, seed: int = 0) -> Dense:
        """The dense training, stopped early or of a smaller model: it is itself random."""
        return Dense(seed=seed)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._optimizer = optimizer
        self._hook = optimizer.register_step_pre_hook(self._before_step)

    def _detach(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._optimizer, self._hook = None, None

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Copy the gradients: ``zero_grad(set_to_none=False)`` would wipe the loop's own."""
        if self._backward_waits and self._on_skip == "replay":
            self._stash = [None if p.grad is None else p.grad.clone() for p in _all(optimizer)]
        self._backward_waits = False

    def _replay(self) -> None:
        """The last step's gradients again; what the loop holds in ``.grad`` stays as it is."""
        assert self._optimizer is not None, "attached methods only"
        if self._backward_waits:
            raise UnfitError(
                "the optimizer has not stepped since the last backward pass, so e2-train cannot "
                "step again: with accumulated gradients use on_skip=none"
            )
        parameters = _all(self._optimizer)
        if not self._stash:
            return
        held = [parameter.grad for parameter in parameters]
        _set(parameters, self._stash)
        self._optimizer.step()
        _set(parameters, held)

    def _state(self) -> dict[str, Any]:
        return {
            "started": self._started,
            "skipped": self._skipped,
            "stash": list(self._stash),
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        self._started, self._skipped = state["started"], state["skipped"]
        self._stash = list(state["stash"])


def _all(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _set(parameters: list[nn.Parameter], gradients: list[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
