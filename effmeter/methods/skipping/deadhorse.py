"""DeadHorse: train no longer on samples that the model is already sure of.

Source: Ibrahim et al., selective workload skipping, the section on DeadHorse. S is the largest
softmax probability of a sample, T a threshold (0.6, 0.7 and 0.8 were studied):

==========  ======================================  ==============================
policy      skips a sample                          seen
==========  ======================================  ==============================
``dh``      if it is right and S > T                now, by a forward pass
``ddh``     if S > T                                now
``sddh``    if S > T, at random                     now
``hsdh``    if it was right and S > T, at random    when it was last trained on
``hsddh``   if S > T, at random                     then
``cdh``     if its class's mean S > T               then
==========  ======================================  ==============================

The first three, *reactive*, run a forward pass without gradients over the whole batch and a
second one, with gradients, over the rows kept. Of a dense step's cost of three forward passes,
keeping k leaves 1 + 3k: they pay only below k = 2/3. The others, *predictive*, spare the forward
pass too and leave 3k.

Decided here, each a parameter: the chance of a random skip is ``probability``, or S itself; a
predictive policy trains on every sample again at least every ``revisit_every`` visits, since what
it knows grows old; the loss is divided by the rows that the batch had (``Batch.weight``); a batch
of which fewer than ``fewest_rows`` are left is skipped whole, since batch norm cannot take one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import Batch, Method
from effmeter.methods.ops import operators
from effmeter.methods.side_effect_free import output_without_side_effects
from effmeter.methods.skipping.random_skipping import RandomSkipping
from effmeter.methods.skipping.rows import keep_rows, take_rows
from effmeter.methods.skipping.sample_history import SampleHistory

PolicyName = Literal["dh", "ddh", "sddh", "hsdh", "hsddh", "cdh"]


@dataclass(frozen=True, slots=True)
class SkipPolicy:
    """When a sample is skipped."""

    predictive: bool = False
    if_right: bool = False
    at_random: bool = False
    by_class: bool = False


POLICIES: dict[PolicyName, SkipPolicy] = {
    "dh": SkipPolicy(if_right=True),
    "ddh": SkipPolicy(),
    "sddh": SkipPolicy(at_random=True),
    "hsdh": SkipPolicy(predictive=True, if_right=True, at_random=True),
    "hsddh": SkipPolicy(predictive=True, at_random=True),
    "cdh": SkipPolicy(predictive=True, by_class=True),
}


def confidence_of(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Largest softmax probability (rows,) of scores (rows, classes), and whether it is right."""
    confidence, predicted = scores.detach().float().softmax(dim=1).max(dim=1)
    return confidence, (predicted == targets) & ~confidence.isnan()


def skipped_rows(
    policy: SkipPolicy,
    confidence: Tensor,
    correct: Tensor,
    threshold: float,
    probability: float | Literal["confidence"],
    generator: torch.Generator,
) -> Tensor:
    """Which rows a policy skips, (rows,) bool; a confidence of NaN, not known, is never skipped.

    Chances are drawn from ``generator``, on the CPU.
    """
    skipped = confidence > threshold
    if policy.if_right:
        skipped = skipped & correct
    if policy.at_random:
        drawn = torch.rand(len(confidence), generator=generator).to(confidence.device)
        skipped = skipped & (drawn < (confidence if probability == "confidence" else probability))
    return skipped


class DeadHorse(Method):
    """Skips samples by one of six policies; see the module.

    Predictive policies need ``Batch.index``. Reactive ones call the model in ``begin_step``: under
    autocast, call that inside it too.
    """

    name = "deadhorse"
    acts_on = "samples"

    def __init__(
        self,
        policy: PolicyName = "dh",
        *,
        threshold: float = 0.7,
        probability: float | Literal["confidence"] = 0.5,
        revisit_every: int = 5,
        fewest_rows: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        if not 0.0 <= threshold <= 1.0:
            raise UsageError(f"threshold lies in [0, 1], not at {threshold:g}")
        if probability != "confidence" and not 0.0 <= probability <= 1.0:
            raise UsageError(f"probability lies in [0, 1], not at {probability:g}")
        if revisit_every < 1:
            raise UsageError(f"revisit_every is one visit or more, not {revisit_every}")
        self._policy = POLICIES[policy]
        self._threshold, self._probability = threshold, probability
        self._revisit_every, self._fewest_rows = revisit_every, fewest_rows
        self._skipped_rows = 0
        self._history = SampleHistory()
        self._training_on: Batch | None = None
        self._seen: tuple[Tensor, Tensor] | None = None
        self._model: nn.Module | None = None
        self._hook: RemovableHandle | None = None

    @property
    def active(self) -> bool:
        """Whether it has skipped any row so far."""
        return self._skipped_rows > 0

    def select(self, batch: Batch) -> Batch | None:
        """The rows that the model is not sure of; None without any.

        UnfitError for a predictive policy and a batch without ``index``.
        """
        if self._policy.predictive:
            left = self._select_by_history(batch)
        else:
            assert self._model is not None, "attached methods only"
            scores = output_without_side_effects(self._model, batch.inputs)
            rows = self._unsure_rows(scores, batch.targets)
            left = take_rows(batch, rows, self._fewest_rows)
        self._skipped_rows += len(batch) - (0 if left is None else len(left))
        return left

    def control(self, *, seed: int = 0, epochs_per_segment: int = 30) -> RandomSkipping:
        """Random samples, in each segment of as much work as this one has done.

        UnfitError before it has trained.
        """
        return RandomSkipping.matching(self, "sample", seed, epochs_per_segment)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._model = model
        if self._policy.predictive:
            self._hook = model.register_forward_hook(self._called)

    def _detach(self) -> None:
        self._remember()
        if self._hook is not None:
            self._hook.remove()
        self._model, self._hook = None, None

    def _unsure_rows(self, scores: Tensor, targets: Tensor) -> Tensor:
        draws = None
        if self._policy.at_random:
            draws = torch.rand(len(scores), generator=self.generator).to(scores.device)
        probability = None if self._probability == "confidence" else self._probability
        return operators.confidence(
            scores, targets, self._threshold, self._policy.if_right, draws, probability
        )[2]

    def _skips(self, confidence: Tensor, correct: Tensor) -> Tensor:
        return skipped_rows(
            self._policy, confidence, correct, self._threshold, self._probability, self.generator
        )

    def _select_by_history(self, batch: Batch) -> Batch | None:
        if batch.index is None:
            raise UnfitError(
                "this policy of deadhorse decides by what it knows of each sample: give "
                "Batch(inputs, targets, index) with every row's number in the data set"
            )
        self._remember()
        index = batch.index.cpu()
        confidence, correct = self._history.recall(index)
        if self._policy.by_class:
            confidence = self._history.class_confidence(batch.targets.cpu())
        due = self._history.skips_in_a_row(index) >= self._revisit_every - 1
        skipped = self._skips(confidence, correct) & ~due
        left = keep_rows(batch, ~skipped, self._fewest_rows)
        self._history.count(index, skipped if left is not None else torch.ones_like(skipped))
        self._training_on = left
        return left

    def _called(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """See the scores of the rows that the loop trains on; a hook of the model's forward."""
        batch = self._training_on
        if not (module.training and torch.is_grad_enabled()) or batch is None:
            return
        if output.ndim != 2 or len(output) != len(batch):
            raise UnfitError(
                f"deadhorse reads class scores of shape ({len(batch)}, classes) for the batch that "
                f"begin_step gave; the model's output has shape {tuple(output.shape)}"
            )
        self._seen = confidence_of(output, batch.targets)

    def _remember(self) -> None:
        """Write down what was seen; late, so that the device need not be waited for earlier."""
        if self._seen is None or self._training_on is None or self._training_on.index is None:
            return
        confidence, correct = (values.cpu() for values in self._seen)
        classes, index = self._training_on.targets.cpu(), self._training_on.index.cpu()
        self._history.record(index, confidence, correct, classes)
        self._seen = self._training_on = None

    def _state(self) -> dict[str, Any]:
        self._remember()
        return {"skipped_rows": self._skipped_rows, "history": self._history.state()}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        self._skipped_rows = state["skipped_rows"]
        self._history.restore(state["history"])
