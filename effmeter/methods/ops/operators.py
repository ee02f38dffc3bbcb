"""The custom operators ``torch.ops.effmeter.*`` behind the methods.

Each runs compiled kernels where they can run, and PyTorch's operations elsewhere; see
``dispatch``. To ``torch.compile`` they are opaque calls whose shapes are known. None is
differentiable: they compute gradients, or choose by them.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from effmeter.kernels.reference import Window
from effmeter.methods.ops.convolution import is_by_pixel
from effmeter.methods.ops.dispatch import kernel_path
from effmeter.methods.seeds import derived_seed

Pair = Sequence[int]

_COMPILED = {
    "cpu": "effmeter.methods.ops.cpu",
    "cuda": "effmeter.methods.ops.cuda",
}
_EAGER = "effmeter.methods.ops.torch"

_FORMATS = (torch.contiguous_format, torch.channels_last)
_LIBRARY = torch.library.Library("effmeter", "DEF")


def max_gradient_weight(
    inputs: Tensor,
    output_gradient: Tensor,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    count: int,
) -> Tensor:
    """The weight gradient from the ``count`` largest elements of each map of the output gradient.

    Inputs (B, Cin, Hin, Win) and output gradient (B, Cout, H, W) give (Cout, Cin, Kh, Kw). See
    ``max_gradient``.
    """
    operands = (inputs, output_gradient, kernel_size, stride, padding, dilation, count)
    found: Tensor = torch.ops.effmeter.max_gradient_weight(*operands)
    return found


def most_important(output_gradient: Tensor, count: int) -> Tensor:
    """Indices (count,), rising, of the channels of (B, C, H, W) of the largest mean magnitude."""
    chosen: Tensor = torch.ops.effmeter.most_important(output_gradient, count)
    return chosen


def gathered(output_gradient: Tensor, chosen: Tensor, channels_last: bool) -> Tensor:
    """Of (B, C, H, W) the chosen channels (B, chosen, H, W), contiguous or with channels last."""
    kept: Tensor = torch.ops.effmeter.gathered(output_gradient, chosen, channels_last)
    return kept


def with_channels_last(images: Tensor) -> Tensor:
    """Images (B, C, H, W) with their channels last in memory; the same where they are."""
    if images.is_contiguous(memory_format=torch.channels_last):
        return images
    found: Tensor = torch.ops.effmeter.channels_last(images)
    return found


def similarity(gradients: Sequence[Tensor], stored: Sequence[Tensor]) -> Tensor:
    """Of each part the product with what is stored, and both squared norms: (parts, 3) float32.

    Each stored part becomes the gradient. All of a step's layers go through one call.
    """
    sums: Tensor = torch.ops.effmeter.similarity_(list(gradients), list(stored))
    return sums


def confidence(
    scores: Tensor,
    targets: Tensor,
    threshold: float,
    only_right: bool,
    draws: Tensor | None = None,
    probability: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Largest softmax (B,) of scores (B, classes), whether it is the target's, and rows to keep.

    A row is not kept where the softmax exceeds ``threshold``, is right if ``only_right``, and,
    with ``draws`` (B,), where its draw is below ``probability`` (None: below the softmax). Rows
    whose scores hold NaN or have an infinite maximum have a softmax of NaN, are not right, and
    are kept.
    """
    operands = (scores, targets, threshold, only_right, draws, probability)
    return cast("tuple[Tensor, Tensor, Tensor]", torch.ops.effmeter.confidence(*operands))


def normal_like(like: Tensor, seed: int, step: int, layer: int, deviation: float) -> Tensor:
    """Normal(0, ``deviation``) numbers that follow from seed, step and layer.

    They have the shape, type and device of ``like`` and come from a generator of that device: two
    types of devices draw different numbers. PyTorch's own random state stays as it is.
    """
    found: Tensor = torch.ops.effmeter.normal_like(like, seed, step, layer, deviation)
    return found


def _kernels(tensor: Tensor) -> Any:
    """The module that computes where a tensor lies."""
    device_type = tensor.device.type
    compiled = kernel_path(device_type).compiled
    return importlib.import_module(_COMPILED[device_type] if compiled else _EAGER)


def _normal_like(like: Tensor, seed: int, step: int, layer: int, deviation: float) -> Tensor:
    # Opaque to torch.compile, which cannot trace a generator.
    generator = torch.Generator(like.device).manual_seed(derived_seed(seed, step, layer))
    return like.new_empty(like.shape).normal_(0.0, deviation, generator=generator)


def _max_gradient_weight(
    inputs: Tensor,
    output_gradient: Tensor,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    count: int,
) -> Tensor:
    sizes = (kernel_size, stride, padding, dilation)
    window = Window(*(cast("tuple[int, int]", tuple(size)) for size in sizes))
    kernels = _kernels(inputs)
    found: Tensor = kernels.max_gradient_weight(inputs, output_gradient, window, count)
    return found.contiguous(memory_format=_format_of(inputs))


def _like_weight(
    inputs: Tensor, output_gradient: Tensor, kernel_size: Pair, *_others: object
) -> Tensor:
    shape = (output_gradient.shape[1], inputs.shape[1], *kernel_size)
    return inputs.new_empty(shape).contiguous(memory_format=_format_of(inputs))


def _like_choice(output_gradient: Tensor, count: int) -> Tensor:
    return output_gradient.new_empty(count, dtype=torch.int64)


def _like_kept(output_gradient: Tensor, chosen: Tensor, channels_last: bool) -> Tensor:
    rows, _, *sizes = output_gradient.shape
    kept = output_gradient.new_empty(rows, len(chosen), *sizes)
    return kept.contiguous(memory_format=_FORMATS[channels_last])


def _like_sums(_gradients: Sequence[Tensor], stored: Sequence[Tensor]) -> Tensor:
    return stored[0].new_empty(len(stored), 3, dtype=torch.float32)


def _like_confidence(scores: Tensor, *_others: object) -> tuple[Tensor, Tensor, Tensor]:
    rows, kept = len(scores), torch.library.get_ctx().new_dynamic_size()
    return (
        scores.new_empty(rows, dtype=torch.float32),
        scores.new_empty(rows, dtype=torch.bool),
        scores.new_empty(kept, dtype=torch.int64),
    )


def _like(like: Tensor, *_others: object) -> Tensor:
    return torch.empty_like(like, memory_format=torch.contiguous_format)


def _format_of(tensor: Tensor) -> torch.memory_format:
    return _FORMATS[is_by_pixel(tensor)]


def _define(schema: str, run: Callable[..., Any], fake: Callable[..., Any]) -> None:
    name = schema.partition("(")[0]
    _LIBRARY.define(schema)
    _LIBRARY.impl(name, run, "CompositeExplicitAutograd")
    torch.library.register_fake(f"effmeter::{name}", fake, lib=_LIBRARY)


_define(
    "max_gradient_weight(Tensor inputs, Tensor output_gradient, int[2] kernel_size, "
    "int[2] stride, int[2] padding, int[2] dilation, int count) -> Tensor",
    _max_gradient_weight,
    _like_weight,
)
_define(
    "most_important(Tensor output_gradient, int count) -> Tensor",
    lambda gradient, count: _kernels(gradient).most_important(gradient, count),
    _like_choice,
)
_define(
    "gathered(Tensor output_gradient, Tensor chosen, bool channels_last) -> Tensor",
    lambda gradient, *others: _kernels(gradient).gathered(gradient, *others),
    _like_kept,
)
_define(
    "channels_last(Tensor images) -> Tensor",
    lambda images: _kernels(images).channels_last(images),
    lambda images: torch.empty_like(images, memory_format=torch.channels_last),
)
_define(
    "similarity_(Tensor[] gradients, Tensor(a!)[] stored) -> Tensor",
    lambda gradients, stored: _kernels(stored[0]).similarity(gradients, stored),
    _like_sums,
)
_define(
    "confidence(Tensor scores, Tensor targets, float threshold, bool only_right, Tensor? draws, "
    "float? probability) -> (Tensor, Tensor, Tensor)",
    lambda scores, *others: _kernels(scores).confidence(scores, *others),
    _like_confidence,
)
_define(
    "normal_like(Tensor like, int seed, int step, int layer, float deviation) -> Tensor",
    _normal_like,
    _like,
)
