"""The work account of a training: floating-point operations, dense, executed and nominal.

*Dense* is what the loop would have computed without any method, on all rows that it had.
*Executed* is what ran. *Nominal* is the convention of Zhong et al. (ssProp, Eq 6 to 11): the
gradient to the input of the first layer is counted, although no training computes it, and a
fraction of the channels is a fraction, not a whole number of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

LayerKind = Literal["convolution", "batch norm", "group norm", "dropout", "linear", "attention"]
NOMINAL_KINDS: tuple[LayerKind, ...] = ("convolution", "batch norm", "dropout")
"""What the nominal total of ssProp's tables sums."""


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations of the forward pass, and of the gradients to a layer's input and its weights."""

    forward: float = 0.0
    backward_input: float = 0.0
    backward_weight: float = 0.0

    @property
    def backward(self) -> float:
        """Both gradients."""
        return self.backward_input + self.backward_weight

    @property
    def total(self) -> float:
        """Forward and backward."""
        return self.forward + self.backward

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(
            self.forward + other.forward,
            self.backward_input + other.backward_input,
            self.backward_weight + other.backward_weight,
        )

    def __sub__(self, other: "Flops") -> "Flops":
        return self + other * -1.0

    def __mul__(self, factor: float) -> "Flops":
        return Flops(
            self.forward * factor, self.backward_input * factor, self.backward_weight * factor
        )


NO_FLOPS = Flops()


@dataclass(frozen=True, slots=True)
class BackwardShare:
    """What part of a layer's dense backward pass a method leaves, and what it adds."""

    input_fraction: float = 1.0
    weight_fraction: float = 1.0
    flops_per_output: float = 0.0
    """Added for each element of the layer's output whichever gradient runs: for choosing."""
    weight_flops_per_output: float = 0.0
    """Added likewise, but only where the weights' gradient runs."""
    bias_fraction: float | None = None
    """Of the bias's gradient; None: as of the weights'."""
    weight_positions: int | None = None
    """Positions of each map of the output gradient that the weights' gradient reads; None: all."""


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What one layer cost; ``name`` is its name in the model."""

    name: str
    kind: LayerKind
    dense: Flops = NO_FLOPS
    executed: Flops = NO_FLOPS
    nominal: Flops = NO_FLOPS

    def __sub__(self, other: "LayerWork") -> "LayerWork":
        return LayerWork(
            self.name,
            self.kind,
            self.dense - other.dense,
            self.executed - other.executed,
            self.nominal - other.nominal,
        )

    def __mul__(self, factor: float) -> "LayerWork":
        return LayerWork(
            self.name,
            self.kind,
            self.dense * factor,
            self.executed * factor,
            self.nominal * factor,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a training so far, layer by layer in the order of the model.

    The difference of two accounts of one training is the work in between.
    """

    layers: tuple[LayerWork, ...] = ()

    @property
    def dense(self) -> Flops:
        """What the loop would have computed without any method."""
        return _sum(layer.dense for layer in self.layers)

    @property
    def executed(self) -> Flops:
        """What ran."""
        return _sum(layer.executed for layer in self.layers)

    @property
    def nominal(self) -> Flops:
        """The papers' convention, over convolutions, batch norm and dropout."""
        return _sum(layer.nominal for layer in self.layers if layer.kind in NOMINAL_KINDS)

    @property
    def executed_fraction(self) -> float:
        """Executed over dense, forward and backward; 1 where there was no work."""
        dense = self.dense.total
        return self.executed.total / dense if dense else 1.0

    def metrics(self) -> dict[str, float]:
        """By the names under which a run logs its work; nothing where there is none to see.

        That is so for a model without a layer that is counted, and before any step has run.
        """
        if not self.dense.total:
            return {}
        return {
            "forward_flops": self.executed.forward,
            "backward_flops": self.executed.backward,
            "dense_forward_flops": self.dense.forward,
            "dense_backward_flops": self.dense.backward,
            "nominal_backward_flops": self.nominal.backward,
            "executed_fraction": self.executed_fraction,
        }

    def of_kind(self, kind: LayerKind) -> "Work":
        """The layers of one kind."""
        return Work(tuple(layer for layer in self.layers if layer.kind == kind))

    @property
    def kinds(self) -> tuple[LayerKind, ...]:
        """The kinds that the model has, in the order of the model."""
        return tuple(dict.fromkeys(layer.kind for layer in self.layers))

    def __sub__(self, other: "Work") -> "Work":
        before = {layer.name: layer for layer in other.layers}
        return Work(
            tuple(
                layer - before[layer.name] if layer.name in before else layer
                for layer in self.layers
            )
        )

    def __mul__(self, factor: float) -> "Work":
        return Work(tuple(layer * factor for layer in self.layers))

    def __iter__(self) -> Iterator[LayerWork]:
        return iter(self.layers)


def _sum(flops: Iterable[Flops]) -> Flops:
    return sum(flops, NO_FLOPS)
