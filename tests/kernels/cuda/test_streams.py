"""Kernels run when the framework's stream says so: needs a real GPU."""

from collections.abc import Iterator

import pytest
import torch

from effmeter.kernels.reference import Window
from effmeter.methods.ops import cuda as cuda_kernels
from tests.kernels.cuda.conftest import SIMULATED

pytestmark = pytest.mark.gpu

WINDOW = Window((3, 3), padding=(1, 1))


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    if SIMULATED or not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    with torch.cuda.stream(torch.cuda.Stream()):
        yield
    torch.cuda.synchronize()


def weight_gradient(inputs: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    return cuda_kernels.max_gradient_weight(inputs, gradient, WINDOW, 1)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, device="cuda")


def test_a_captured_graph_computes_anew_from_what_its_tensors_hold() -> None:
    inputs, gradient = drawn(8, 16, 8, 8), drawn(8, 32, 8, 8)
    weight_gradient(inputs, gradient)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = weight_gradient(inputs, gradient)
    inputs.copy_(drawn(8, 16, 8, 8))
    gradient.copy_(drawn(8, 32, 8, 8))
    graph.replay()
    torch.testing.assert_close(captured, weight_gradient(inputs, gradient), rtol=0, atol=0)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_same_numbers_come_out_each_time(order: torch.memory_format) -> None:
    inputs = drawn(128, 64, 32, 32).contiguous(memory_format=order)
    gradient = drawn(128, 64, 32, 32).contiguous(memory_format=order)
    first = weight_gradient(inputs, gradient)
    assert torch.equal(first, weight_gradient(inputs, gradient))


def test_a_kernel_waits_for_what_came_before_it_on_its_stream() -> None:
    inputs, gradient = drawn(8, 16, 8, 8), torch.zeros(8, 32, 8, 8, device="cuda")
    weight_gradient(inputs, gradient)
    slow = drawn(4096, 4096)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        for _ in range(50):
            slow = slow @ slow
        gradient.fill_(1.0)
        found = weight_gradient(inputs, gradient)
        torch.cuda.current_stream().synchronize()
    assert found.abs().sum() > 0
