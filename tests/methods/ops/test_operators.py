"""The custom operators: what they promise the framework, and that every path agrees."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from effmeter.methods.ops import operators
from effmeter.methods.ops.dispatch import VARIABLE, kernel_path

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 5e-3, torch.float64: 1e-9}
GEOMETRY = ((3, 2), (2, 1), (1, 0), (1, 2))

Layout = Callable[[Tensor], Tensor]


def channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def every_other(tensor: Tensor) -> Tensor:
    return tensor.repeat_interleave(2, 3)[..., ::2]


LAYOUTS: list[Layout] = [Tensor.contiguous, channels_last, every_other]


@pytest.fixture(autouse=True, params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return name


@pytest.fixture(autouse=True)
def poisoned_memory() -> Iterator[None]:
    """What an operator does not write is NaN."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def convolution(device: str, dtype: torch.dtype, layout: Layout) -> tuple[Tensor, Tensor]:
    """Inputs (3, 5, 8, 9) and the output gradient (3, 17, 4, 7) of ``GEOMETRY``."""
    tensors = (drawn(1, 3, 5, 8, 9), drawn(2, 3, 17, 4, 7))
    inputs, gradient = (layout(tensor.to(device, dtype)) for tensor in tensors)
    return inputs, gradient


def agree(
    run: Callable[[], Tensor | tuple[Tensor, ...]], tolerance: float, environ: pytest.MonkeyPatch
) -> None:
    """Kernels and framework give the same, in the same type, shape and layout."""
    found = run()
    environ.setenv(VARIABLE, "torch")
    expected = run()
    torch.testing.assert_close(
        found, expected, rtol=tolerance, atol=tolerance, equal_nan=True, check_stride=True
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_both_paths_give_the_max_gradient(
    device: str, dtype: torch.dtype, layout: Layout, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, gradient = convolution(device, dtype, layout)
    agree(
        lambda: operators.max_gradient_weight(inputs, gradient, *GEOMETRY, count),
        TOLERANCE[dtype] * 10,
        monkeypatch,
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_both_paths_choose_and_gather_the_same_channels(
    device: str, dtype: torch.dtype, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, gradient = convolution(device, dtype, layout)

    def run() -> tuple[Tensor, ...]:
        chosen = operators.most_important(gradient, 5)
        kept = (operators.gathered(gradient, chosen, last) for last in (False, True))
        return chosen, *kept

    agree(run, 0.0, monkeypatch)


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_paths_compare_and_store(
    device: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = [(), (17,), (5, 3, 3, 3), (123, 3)]
    gradients = [drawn(n, *shape).to(device, dtype) for n, shape in enumerate(shapes)]
    before = [drawn(n + 9, *shape).to(device, dtype) for n, shape in enumerate(shapes)]
    gradients[2] = channels_last(gradients[2])

    def run() -> tuple[Tensor, ...]:
        stored = [part.clone() for part in before]
        sums = operators.similarity(gradients, stored)
        assert all(map(torch.equal, stored, gradients))
        return (sums,)

    agree(run, 1e-4, monkeypatch)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("probability", [None, 0.4, "no draws"])
def test_both_paths_judge_the_same_rows(
    device: str,
    dtype: torch.dtype,
    probability: float | str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores, draws = drawn(1, 40, 7).mul(3).to(device, dtype), drawn(2, 40).sigmoid().to(device)
    scores[3, 2] = torch.nan
    targets = scores.argmax(1).clamp(max=4)
    by_chance = (draws, probability) if not isinstance(probability, str) else (None, None)
    agree(lambda: operators.confidence(scores, targets, 0.6, True, *by_chance), 1e-5, monkeypatch)


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_noise_follows_from_seed_step_and_layer(device: str, dtype: torch.dtype) -> None:
    like = channels_last(torch.empty(5, 3, 3, 3, dtype=dtype, device=device))
    before = torch.get_rng_state()
    first, again = (operators.normal_like(like, 2**40 + 1, 2**35, 7, 0.5) for _ in range(2))
    assert torch.equal(first, again)
    assert (first.dtype, first.shape, first.device) == (like.dtype, like.shape, like.device)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("other", [(2, 2, 3), (1, 3, 3), (1, 2, 4), (2**32 + 1, 2, 3)])
def test_seed_step_and_layer_each_give_other_noise(
    device: str, other: tuple[int, int, int]
) -> None:
    like = torch.empty(5000, device=device)
    draws = torch.stack([operators.normal_like(like, *where, 1.0) for where in ((1, 2, 3), other)])
    assert abs(float(torch.corrcoef(draws)[0, 1])) < 0.05


def test_noise_is_normal(device: str) -> None:
    from scipy.stats import kstest

    noise = operators.normal_like(torch.empty(200_000, device=device), 0, 0, 0, 0.5)
    assert kstest(noise.cpu().numpy() / 0.5, "norm").pvalue > 0.01


def test_an_empty_batch_is_no_special_case(device: str) -> None:
    inputs, gradient = (
        torch.empty(0, channels, 4, 4, device=device, requires_grad=True) for channels in (3, 5)
    )
    found = operators.max_gradient_weight(inputs, gradient, (3, 3), (1, 1), (1, 1), (1, 1), 1)
    assert torch.equal(found, torch.zeros(5, 3, 3, 3, device=device))
    chosen = operators.most_important(gradient, 2)
    assert operators.gathered(gradient, chosen, True).shape == (0, 2, 4, 4)
    scores = torch.empty(0, 3, device=device)
    assert len(operators.confidence(scores, scores[:, 0].long(), 0.5, True)[2]) == 0


def test_a_gradient_that_is_one_number_everywhere_is_read_as_such(device: str) -> None:
    inputs, _ = convolution(device, torch.float32, Tensor.contiguous)
    expanded = torch.ones((), device=device).expand(3, 17, 4, 7)
    found, expected = (
        operators.max_gradient_weight(inputs, gradient, *GEOMETRY, 2)
        for gradient in (expanded, expanded.contiguous())
    )
    torch.testing.assert_close(found, expected)


def test_the_framework_accepts_every_operator(device: str) -> None:
    inputs, gradient = convolution(device, torch.float32, channels_last)
    scores = drawn(5, 6, 4).to(device)
    parts = [drawn(3, 4).to(device), drawn(4, 2, 3).to(device)]
    sizes = [list(size) for size in GEOMETRY]
    calls = {
        "max_gradient_weight": (inputs, gradient, *sizes, 1),
        "most_important": (gradient, 3),
        "channels_last": (inputs.contiguous(),),
        "gathered": (gradient, torch.tensor([2, 0], device=device), True),
        "similarity_": (parts, [part + 1 for part in parts]),
        "confidence": (scores, scores.argmax(1), 0.4, True, None, None),
        "normal_like": (inputs, 1, 2, 3, 0.5),
    }
    for name, arguments in calls.items():
        opcheck(getattr(torch.ops.effmeter, name).default, arguments)


def test_the_kernels_are_what_is_tested_here(device: str) -> None:
    assert kernel_path(device).compiled
