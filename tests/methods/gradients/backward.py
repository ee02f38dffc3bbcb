"""Dense references of rewritten backward passes, in float64, and the layers to try them on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d


class Layer(NamedTuple):
    """One convolution: its sizes and where its kernel goes."""

    channels: tuple[int, int] = (3, 10)
    image: tuple[int, int] = (9, 7)
    kernel: tuple[int, int] = (3, 3)
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] | str = 0
    dilation: int | tuple[int, int] = 1
    rows: int = 3

    @property
    def geometry(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def tensors(self, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, weights and bias that require gradients."""
        generator = torch.Generator().manual_seed(seed)
        shapes = ((self.rows, self.channels[0], *self.image), (*self.channels[::-1], *self.kernel))
        drawn = [
            torch.randn(shape, generator=generator, dtype=torch.float64)
            for shape in (*shapes, self.channels[1:])
        ]
        return drawn[0].requires_grad_(), drawn[1].requires_grad_(), drawn[2].requires_grad_()


LAYERS = {
    "plain": Layer(),
    "padded": Layer(padding=1),
    "strided": Layer(stride=2, padding=1),
    "strided, not reaching the edge": Layer(image=(10, 8), stride=3),
    "uneven strides": Layer(stride=(1, 2), padding=(2, 0)),
    "dilated": Layer(dilation=2, padding=(1, 2)),
    "pointwise": Layer(kernel=(1, 1), stride=2),
    "oblong kernel": Layer(kernel=(1, 4), padding=(0, 2)),
    "same": Layer(padding="same"),
    "same, uneven": Layer(kernel=(4, 2), padding="same", dilation=(1, 3)),
    "valid": Layer(padding="valid", stride=2),
    "one row": Layer(rows=1, channels=(1, 5), image=(5, 5), kernel=(5, 5)),
    "one output position": Layer(image=(3, 3)),
}


def output_gradient(layer: Layer, seed: int = 1) -> Tensor:
    """A gradient to the layer's output, no two elements of which are alike."""
    shape = conv2d(*layer.tensors(), **layer.geometry).shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense_gradients(layer: Layer, gradient: Tensor) -> tuple[Tensor, ...]:
    """To inputs, weights and bias, of the dense convolution."""
    tensors = layer.tensors()
    return torch.autograd.grad(conv2d(*tensors, **layer.geometry), tensors, gradient)


def gradients_of(
    convolve: Callable[..., Tensor], layer: Layer, gradient: Tensor, **settings: Any
) -> tuple[Tensor, ...]:
    """To inputs, weights and bias, of another convolution."""
    tensors = layer.tensors()
    return torch.autograd.grad(convolve(*tensors, **layer.geometry, **settings), tensors, gradient)


def assert_equal(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    """To the rounding of float64."""
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
