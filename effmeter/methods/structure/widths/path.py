"""What lies between a layer and the one that reads it, operation by operation.

An operation is *pointwise* (each number for itself), *linear* in a sense that keeps channels apart
(pooling, flattening), or a *norm* or *dropout*.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

Kind = Literal["pointwise", "pooling", "flatten", "norm", "dropout"]

_POINTWISE_MODULES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid,
    nn.LogSigmoid, nn.Tanhshrink, nn.Identity,
)  # fmt: skip
_POOLING_MODULES = (
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d,
)  # fmt: skip
_POINTWISE_FUNCTIONS = frozenset({
    "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "tanh",
    "sigmoid", "softplus", "softsign", "hardtanh", "hardswish", "clamp", "clamp_min", "relu_",
})  # fmt: skip
_POOLING_FUNCTIONS = frozenset({
    "max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "adaptive_avg_pool2d",
})  # fmt: skip
_DROPOUT_FUNCTIONS = frozenset({"dropout", "dropout2d", "feature_dropout"})
_IMAGE_AXES = ({2, 3}, {-2, -1})


@dataclass(frozen=True, slots=True)
class Operation:
    """One step between two layers; ``module`` where it is one."""

    kind: Kind
    apply: Callable[[Tensor], Tensor]
    module: nn.Module | None = None


def operation_of(node: fx.Node, module: nn.Module | None) -> Operation | None:
    """The operation of a node of a traced model; None for one that may mix channels."""
    if module is not None:
        kind = _kind_of_module(module)
        return Operation(kind, module, module) if kind else None
    if any(isinstance(value, fx.Node) for value in (*node.args[1:], *node.kwargs.values())):
        return Operation("flatten", _flattened) if _is_flattening_view(node) else None
    kind = _kind_of_call(node)
    return Operation(kind, _call_of(node)) if kind else None


def without_nonlinearities(operations: tuple[Operation, ...]) -> Callable[[Tensor], Tensor]:
    """The path as it is to a channel that bypasses activations, batch norm and dropout."""
    kept = [step.apply for step in operations if step.kind in ("pooling", "flatten")]
    return _chain(kept)


def without_norms(operations: tuple[Operation, ...]) -> Callable[[Tensor], Tensor]:
    """The path with its activations, but no batch norm and no dropout."""
    kinds = ("pooling", "flatten", "pointwise")
    return _chain([step.apply for step in operations if step.kind in kinds])


def keeps_zero(operations: tuple[Operation, ...]) -> bool:
    """Whether the activations of a path leave 0 where it is."""
    with torch.no_grad():
        images = (step.apply(torch.zeros(1)) for step in operations if step.kind == "pointwise")
        return not any(bool(image.count_nonzero()) for image in images)


def _chain(steps: list[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    def walk(values: Tensor) -> Tensor:
        for step in steps:
            values = step(values)
        return values

    return walk


def _kind_of_module(module: nn.Module) -> Kind | None:
    if isinstance(module, _BatchNorm):
        return "norm"
    if isinstance(module, _DropoutNd):
        return "dropout"
    if isinstance(module, _POOLING_MODULES):
        return None if getattr(module, "return_indices", False) else "pooling"
    if isinstance(module, nn.Flatten):
        return "flatten" if (module.start_dim, module.end_dim) == (1, -1) else None
    return "pointwise" if isinstance(module, _POINTWISE_MODULES) else None


def _kind_of_call(node: fx.Node) -> Kind | None:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name in _POINTWISE_FUNCTIONS:
        return "pointwise"
    if name in _POOLING_FUNCTIONS:
        return "pooling"
    if name in _DROPOUT_FUNCTIONS:
        return "dropout"
    if name == "flatten" and _argument(node, 1, "start_dim", 0) == 1:
        return "flatten" if _argument(node, 2, "end_dim", -1) == -1 else None
    if name == "mean" and _is_over_the_image(node):
        return "pooling" if _argument(node, 2, "keepdim", False) else "flatten"
    return None


def _is_over_the_image(node: fx.Node) -> bool:
    axes = _argument(node, 1, "dim", None)
    return isinstance(axes, list | tuple) and set(axes) in _IMAGE_AXES


def _is_flattening_view(node: fx.Node) -> bool:
    """``x.view(x.size(0), -1)`` and its like; sizes are queries and change nothing."""
    shape = node.args[1:]
    return node.target in ("view", "reshape") and len(shape) == 2 and bool(shape[1] == -1)


def _flattened(values: Tensor) -> Tensor:
    return torch.flatten(values, 1)


def _argument(node: fx.Node, place: int, name: str, default: object) -> object:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _call_of(node: fx.Node) -> Callable[[Tensor], Tensor]:
    rest, named = node.args[1:], dict(node.kwargs)
    named.pop("inplace", None)
    target: Any = getattr(Tensor, node.target) if isinstance(node.target, str) else node.target

    def call(values: Tensor) -> Tensor:
        result: Tensor = target(values, *rest, **named)
        return result

    return call
