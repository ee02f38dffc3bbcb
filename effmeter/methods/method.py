"""What every training-acceleration method is: how it plugs into a loop and comes off again.

::

    method = SsProp(drop=0.8)
    with method.attach(model, optimizer):                                   # 1
        for epoch in range(epochs):
            method.begin_epoch(epoch, epochs)                               # 2
            for inputs, targets in loader:
                batch = method.begin_step(Batch(inputs, targets))           # 3
                if batch is None:                                           # 4
                    continue
                optimizer.zero_grad()
                loss = cross_entropy(model(batch.inputs), batch.targets) * batch.weight
                loss.backward()
                method.after_backward(loss)                                 # 5
                optimizer.step()
            method.end_epoch(epoch_loss)                                    # 6

A loop may omit the hooks that its method does not use, except ``begin_step``, which counts the
rows that the loop offers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from effmeter.errors import UnfitError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import Work
from effmeter.methods.seeds import derived_seed

ActsOn = Literal["batches", "samples", "layers", "gradients", "structure"]
"""What a method skips or rewrites; two methods that act on the same cannot be combined."""


class AttachError(UnfitError):
    """A model, optimizer or combination that a method cannot work on; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to train on.

    ``index`` (rows,) int64 names each row's sample, the same in every epoch; methods that keep a
    history need it. ``weight`` belongs on a loss that is a mean over the rows: rows left over the
    rows that the loop had, so that a skipped row counts as one of loss zero.
    """

    inputs: Tensor
    targets: Tensor
    index: Tensor | None = None
    weight: float = 1.0

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class Cycle:
    """The period, in epochs and batches, after which the work that a method leaves repeats."""

    epochs: int = 1
    batches: int = 1


class Method(ABC):
    """Base of all methods; the hooks do nothing unless a method overrides them.

    Random choices come from ``generator`` (on the CPU), so that a method never moves the random
    numbers of the loop: its control sees the same data in the same order. Its seed follows from
    ``seed`` and the method's name, so its numbers are not those of a loop of the same seed.
    """

    name: ClassVar[str]
    """The name on the command line and in run files."""
    acts_on: ActsOn | None = None
    """None: it cannot be combined with another method."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.generator = torch.Generator().manual_seed(derived_seed(seed, self.name))
        self._account: FlopsAccount | None = None
        self._last_work = Work()
        self._epoch_flops: list[tuple[float, float]] = []
        """FLOPs executed, and dense, of each whole epoch."""
        self._epoch_began = Work()
        self._goes_on = False
        """Whether a state was loaded for the next attachment."""

    def attach(self, model: nn.Module, optimizer: Optimizer) -> Self:
        """Plug into a model and its optimizer; as a context manager, detach at the end.

        Parameters, state_dict keys and the optimizer's state stay the same objects. The account
        begins anew, or goes on where a state was loaded. AttachError for a model or
        optimizer that it cannot handle, before anything is changed.
        """
        refuse_wrapped(model)
        self._refuse_attached()
        self._check(model, optimizer)
        account = FlopsAccount(model)
        account.open()
        self._plug(model, optimizer, account)
        return self

    def detach(self) -> None:
        """Unplug; the model is as before, with the weights that it has learned."""
        if self._account is not None:
            self._account.close()
            self._unplug()

    def __enter__(self) -> Self:
        """The attached method."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Detach."""
        self.detach()

    def begin_epoch(self, epoch: int, epochs: int | None = None) -> None:
        """Epoch ``epoch`` (from 0) of ``epochs`` begins; some schedules need to know how many."""

    def begin_step(self, batch: Batch) -> Batch | None:
        """The part of the loop's batch to train on; None: skip it and take the next batch."""
        self._offer(len(batch))
        return self.select(batch)

    def select(self, batch: Batch) -> Batch | None:
        """The rows of a batch to train on; all of them unless a method says otherwise."""
        return batch

    def after_backward(self, loss: Tensor) -> None:
        """The gradients of this step exist, and the optimizer has not stepped yet."""

    def end_epoch(self, loss: float) -> None:
        """An epoch ended with this mean training loss."""
        self._epoch_flops.append(self._since_epoch_began())
        self._epoch_began = self.work()

    @property
    @abstractmethod
    def active(self) -> bool:
        """Whether it has skipped or changed anything so far.

        Each method answers for itself: the account of the work covers all parts of a
        combination, and not every change of a training saves work.
        """

    def work(self) -> Work:
        """The work since it was attached; that of the last attachment once it is detached."""
        return self._last_work if self._account is None else self._account.work()

    def cycle(self, epochs: int | None = None) -> Cycle | None:
        """The stretch of training over which its work is to be averaged, of ``epochs`` in all.

        None where that follows from the data or from chance and is known only afterwards.
        UnfitError for a schedule that depends on the number of epochs if none is given.
        """
        return None

    def executed_fractions(self, epochs_per_segment: int = 30) -> tuple[float, ...]:
        """Executed over dense work in each segment of ``epochs_per_segment`` epochs, for a control.

        Work since the last whole epoch counts with the last segment; without any, no segments.
        """
        epochs = list(self._epoch_flops)
        if (rest := self._since_epoch_began())[1]:
            epochs.append(rest)
        starts = range(0, len(epochs), epochs_per_segment)
        return tuple(_executed_part(epochs[start : start + epochs_per_segment]) for start in starts)

    @abstractmethod
    def control(self, *, seed: int = 0) -> "Method":
        """The naive baseline of equal work, which this method must beat."""

    def state_dict(self) -> dict[str, Any]:
        """The state to resume from, for ``torch.save``, beside those of model and optimizer."""
        kept = {"generator": self.generator.get_state(), "epochs": list(self._epoch_flops)}
        return {**kept, **self._state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.generator.set_state(state["generator"])
        self._epoch_flops = [(executed, dense) for executed, dense in state["epochs"]]
        self._goes_on = self._account is None
        self._load_state(state)

    def _refuse_attached(self) -> None:
        if self._account is not None:
            raise AttachError(f"{self.name} is attached already: detach it first")

    def _plug(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        """Plug in under an account that is open."""
        self._account, self._epoch_began = account, Work()
        if not self._goes_on:
            self._epoch_flops = []
        self._goes_on = False
        self._attach(model, optimizer, account)

    def _unplug(self) -> None:
        """Come off; the account is the opener's to close."""
        if self._account is not None:
            self._detach()
            self._last_work, self._account = self._account.work(), None

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Raise AttachError where this method does not fit."""

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        """Plug in."""

    def _detach(self) -> None:
        """Undo ``_attach``."""

    def _state(self) -> dict[str, Any]:
        return {}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what ``_state`` gave."""

    def _since_epoch_began(self) -> tuple[float, float]:
        work = self.work() - self._epoch_began
        return work.executed.total, work.dense.total

    def _offer(self, rows: int) -> None:
        if self._account is None:
            raise AttachError(f"{self.name} is not attached: call attach(model, optimizer) first")
        self._account.offer(rows)


class Dense(Method):
    """No method: every step in full, with its work counted."""

    name = "dense"

    @property
    def active(self) -> bool:
        """Whether it has changed anything: a dense training never does."""
        return False

    def cycle(self, epochs: int | None = None) -> Cycle:
        """Every step is the same."""
        return Cycle()

    def control(self, *, seed: int = 0) -> "Dense":
        """The dense training is its own control."""
        return Dense(seed=seed)


def _executed_part(epochs: Sequence[tuple[float, float]]) -> float:
    executed, dense = (sum(flops) for flops in zip(*epochs, strict=True))
    return executed / dense if dense else 1.0


def refuse_wrapped(model: nn.Module) -> None:
    """AttachError for a model behind a wrapper that keeps its own view of the layers."""
    if isinstance(model, DistributedDataParallel | DataParallel):
        raise AttachError(
            f"the model is wrapped in {type(model).__name__}: attach to the model before wrapping"
        )
    if hasattr(model, "_orig_mod"):
        raise AttachError(
            "the model is compiled: attach to it first and compile what comes out, or attach to "
            "model._orig_mod"
        )
    if any(getattr(module, "_compiled_call_impl", None) for module in model.modules()):
        raise AttachError("the model is compiled in place: attach first, and compile it then")
