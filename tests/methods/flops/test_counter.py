"""Operations counted from real layers, beside the count of PyTorch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from effmeter.errors import UnfitError
from effmeter.methods.flops.counter import work_per_iteration
from effmeter.methods.method import Batch, Cycle, Dense, Method

IMAGES = torch.zeros(8, 3, 32, 32, device="meta")


class EveryFourthBatch(Method):
    name = "every-fourth-batch"

    active = True

    def cycle(self, epochs: int | None = None) -> Cycle:
        return Cycle(batches=4)

    def control(self, *, seed: int = 0) -> Method:
        return Dense(seed=seed)

    def select(self, batch: Batch) -> Batch | None:
        self._seen = getattr(self, "_seen", 0) + 1
        return batch if self._seen % 4 == 0 else None


class DependsOnData(Method):
    name = "depends-on-data"
    active = False

    def control(self, *, seed: int = 0) -> Method:
        return Dense(seed=seed)


def two_convolutions() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))


@given(
    batch=st.integers(1, 4),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    side=st.integers(5, 9),
)
def test_a_convolution_is_counted_as_the_framework_counts_it(
    batch: int,
    inputs: int,
    outputs: int,
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    dilation: int,
    side: int,
) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, inputs, 1, bias=False),
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
    )
    images = torch.randn(batch, 1, side, side)
    seen_forward, seen_backward = counted_by_the_framework(model, images)
    work = work_per_iteration(model, images)
    assert work.executed.forward == seen_forward
    assert work.executed.backward == seen_backward


@given(groups=st.integers(1, 4), inputs=st.integers(1, 3), outputs=st.integers(1, 3))
def test_a_grouped_convolution_costs_what_its_groups_cost(
    groups: int, inputs: int, outputs: int
) -> None:
    whole = nn.Conv2d(groups * inputs, groups * outputs, 3, groups=groups)
    work = work_per_iteration(whole, torch.zeros(2, groups * inputs, 6, 6))
    one = work_per_iteration(nn.Conv2d(inputs, outputs, 3), torch.zeros(2, inputs, 6, 6))
    assert work.nominal == one.nominal * groups


def counted_by_the_framework(model: nn.Module, images: Tensor) -> tuple[int, int]:
    with FlopCounterMode(display=False) as forward:
        scores = model(images)
    with FlopCounterMode(display=False) as backward:
        scores.sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize("name", ["resnet20", "vgg11"])
def test_a_whole_network_is_counted_as_the_framework_counts_it(name: str) -> None:
    """The framework counts products alone, and no biases."""
    from tests.lab.workloads.models.test_models import NARROW, built

    model = built(NARROW[name], device="cpu")
    seen = counted_by_the_framework(model, torch.randn(2, 3, 32, 32))
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.bias = None
    work = work_per_iteration(model, torch.zeros(2, 3, 32, 32))
    products = [work.of_kind(kind).executed for kind in ("convolution", "linear")]
    assert (sum(p.forward for p in products), sum(p.backward for p in products)) == seen


def test_the_count_is_the_average_over_a_cycle() -> None:
    dense = work_per_iteration(two_convolutions(), IMAGES)
    skipping = work_per_iteration(two_convolutions(), IMAGES, method=EveryFourthBatch())
    assert skipping.executed.total == pytest.approx(dense.executed.total / 4)
    assert skipping.dense.total == pytest.approx(dense.dense.total)


def test_a_method_whose_work_follows_from_the_data_is_refused() -> None:
    with pytest.raises(UnfitError, match="what depends-on-data skips follows from the data"):
        work_per_iteration(two_convolutions(), IMAGES, method=DependsOnData())


def test_the_model_is_free_again_after_counting() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    images = torch.zeros(2, 1, 5, 5)
    assert work_per_iteration(model, images) == work_per_iteration(model, images)
