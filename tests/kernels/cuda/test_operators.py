"""The operators on the GPU's kernels, against the framework's operations on the processor."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from effmeter.kernels.reference import Window
from effmeter.methods.ops import cuda as cuda_kernels
from effmeter.methods.ops import torch as eager
from tests.kernels.cuda.conftest import SIMULATED
from tests.kernels.cuda.devices import Device, SimulatedArray

TYPES = [torch.float32, torch.bfloat16, torch.float16]
FORMATS = [torch.contiguous_format, torch.channels_last]
Move = Callable[[Tensor], Tensor]


@pytest.fixture
def move(device: Device, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Brings a copy of a tensor to the device; in the simulator the processor's memory is its."""
    if not SIMULATED:
        return lambda tensor: tensor.cuda()

    class DefaultStream:
        cuda_stream = 0

    def interface(tensor: Tensor) -> dict[str, Any]:
        said = SimulatedArray(tensor.numpy()).__cuda_array_interface__
        # As a GPU's memory, it goes on where the tensor ends.
        whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
        return {**said, "data": (whole[tensor.storage_offset() :].numpy(), False)}

    monkeypatch.setattr(torch.Tensor, "__cuda_array_interface__", property(interface))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: DefaultStream)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    return lambda tensor: tensor.clone()


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def assert_close(found: Tensor, expected: Tensor, dtype: torch.dtype = torch.float32) -> None:
    within = 1e-4 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(found.cpu().float(), expected.float(), rtol=within, atol=within)


@pytest.mark.parametrize("order", FORMATS)
@pytest.mark.parametrize(("dtype", "count"), [(torch.float32, 2), (torch.bfloat16, 1)])
def test_max_gradient(
    move: Move, dtype: torch.dtype, order: torch.memory_format, count: int
) -> None:
    inputs, gradient = (
        drawn(seed, 2, channels, 5, 5).to(dtype).contiguous(memory_format=order)
        for seed, channels in ((1, 3), (2, 5))
    )
    window = Window((3, 3), padding=(1, 1))
    found = cuda_kernels.max_gradient_weight(move(inputs), move(gradient), window, count)
    assert found.dtype == dtype
    expected = eager.max_gradient_weight(inputs.float(), gradient.float(), window, count)
    assert_close(found, expected, dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", FORMATS)
def test_channels(move: Move, dtype: torch.dtype, order: torch.memory_format) -> None:
    gradient = drawn(3, 2, 7, 3, 5).to(dtype).contiguous(memory_format=order)
    given = move(gradient)
    chosen = cuda_kernels.most_important(given, 3)
    assert chosen.tolist() == eager.most_important(gradient, 3).tolist()
    for asked, in_order in ((False, torch.contiguous_format), (True, torch.channels_last)):
        kept = cuda_kernels.gathered(given, chosen, channels_last=asked)
        assert kept.is_contiguous(memory_format=in_order)
        assert torch.equal(kept.cpu(), gradient[:, chosen.cpu()])


def together(parts: list[Tensor], move: Move) -> list[Tensor]:
    """On the device in one piece of memory."""
    memory = move(torch.cat([part.new_zeros(part.numel()) for part in parts]))
    pieces = memory.split([part.numel() for part in parts])
    return [
        piece.as_strided(part.shape, part.stride(), piece.storage_offset()).copy_(part)
        for piece, part in zip(pieces, parts, strict=True)
    ]


@pytest.mark.parametrize("dtype", TYPES)
def test_similarity(move: Move, dtype: torch.dtype) -> None:
    shapes = [(5, 3), (7,), (2, 3, 3, 2)]
    gradients = [drawn(seed, *shape).to(dtype) for seed, shape in enumerate(shapes)]
    stored = [drawn(9 + seed, *shape).to(dtype) for seed, shape in enumerate(shapes)]
    gradients[2] = gradients[2].contiguous(memory_format=torch.channels_last)
    stored[2] = stored[2].contiguous(memory_format=torch.channels_last)
    given, new = together(stored, move), together(gradients, move)
    found = cuda_kernels.similarity(new, given)
    assert_close(found, eager.similarity(gradients, stored), dtype)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(given, gradients, strict=True))


@pytest.mark.parametrize("probability", [None, 0.5])
def test_confidence(move: Move, probability: float | None) -> None:
    scores, targets = 3 * drawn(5, 17, 3), torch.arange(17) % 3
    draws = torch.rand(17, generator=torch.Generator().manual_seed(6))
    given = move(scores), move(targets)
    for chances in (None, draws):
        there = None if chances is None else move(chances)
        found = cuda_kernels.confidence(*given, 0.5, True, there, probability)
        expected = eager.confidence(scores, targets, 0.5, True, chances, probability)
        assert_close(found[0], expected[0])
        assert torch.equal(found[1].cpu(), expected[1])
        assert torch.equal(found[2].cpu(), expected[2])


def test_other_types_are_left_to_the_framework(move: Move) -> None:
    inputs, gradient = drawn(1, 2, 3, 5, 5).double(), drawn(2, 2, 5, 5, 5).double()
    window = Window((3, 3), padding=(1, 1))
    found = cuda_kernels.max_gradient_weight(move(inputs), move(gradient), window, 1)
    assert found.dtype == torch.float64
    assert math.isfinite(found.sum().item())
