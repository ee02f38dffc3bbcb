"""Operations counted from real layers: the published tables, and what the framework counts."""

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.models.entry import Images
from effmeter.methods.flops.counter import iterations, work_of, work_per_iteration
from effmeter.methods.flops.work import Work
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import Batch, Cycle, Dense, Method

MNIST = Images(1, 28, 28)
CIFAR = Images(3, 32, 32)
BATCH = 128


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


@functools.cache
def counted(model: str, images: Images, is_sparse: bool = False) -> Work:
    return work_of(model, images, BATCH, SsProp(0.8, period=2) if is_sparse else None)


def billions(work: Work) -> float:
    return round(work.nominal.backward / 1e9, 2)


@pytest.mark.parametrize(
    ("model", "images", "dense", "sparse"),
    [
        ("resnet18", MNIST, 234.10, 140.79),
        ("resnet50", MNIST, 540.06, 325.85),
        ("resnet18", CIFAR, 285.32, 171.61),
        ("resnet50", CIFAR, 669.75, 404.18),
    ],
)
def test_backward_operations_are_those_that_ssprop_reports(
    model: str, images: Images, dense: float, sparse: float
) -> None:
    assert billions(counted(model, images)) == dense
    assert billions(counted(model, images, is_sparse=True)) == sparse


@pytest.mark.parametrize(
    ("model", "images", "samples", "epochs", "dense", "sparse"),
    [
        ("resnet18", MNIST, 60_000, 50, 5.49, 3.30),
        ("resnet50", MNIST, 60_000, 50, 12.66, 7.64),
        ("resnet18", CIFAR, 50_000, 50, 5.57, 3.35),
        ("resnet50", CIFAR, 50_000, 250, 65.41, 39.47),
    ],
)
def test_totals_of_a_training_are_those_that_ssprop_reports(
    model: str, images: Images, samples: int, epochs: int, dense: float, sparse: float
) -> None:
    steps = iterations(samples, BATCH, epochs)
    for is_sparse, published in ((False, dense), (True, sparse)):
        work = counted(model, images, is_sparse)
        assert round(work.nominal.backward * steps / 1e15, 2) == published


def test_dropout_costs_two_operations_for_each_element() -> None:
    # Eq 8 of ssProp. Its Table 6 prints 671.51 for this network, which is four for each element.
    dense = counted("resnet50", CIFAR)
    dropped = counted("resnet50:dropout=0.4", CIFAR)
    added = dropped.nominal.backward - dense.nominal.backward
    assert dropped.of_kind("dropout").nominal.backward == added
    assert round((dense.nominal.backward + 2 * added) / 1e9, 2) == 671.51
    assert billions(dropped) == 670.63


@pytest.mark.parametrize(
    ("model", "images", "published"),
    [
        ("ddpm", Images(1, 32, 32), 51),
        ("ddpm:width=128,multipliers=1-2-2-2", Images(3, 64, 64), 65),
    ],
)
def test_a_diffusion_model_has_its_published_convolutions(
    model: str, images: Images, published: int
) -> None:
    work = work_of(model, images, 2)
    assert len(work.of_kind("convolution").layers) == published
    apart = [work.of_kind(kind).dense.backward for kind in ("group norm", "attention", "linear")]
    assert min(apart) > 0
    assert work.nominal == work.of_kind("convolution").nominal


@pytest.mark.parametrize("name", MODELS)
def test_work_grows_with_the_batch_alone(name: str) -> None:
    """But for the part of a norm that a batch costs once."""
    one, three = work_of(name, Images(), 1), work_of(name, Images(), 3)
    for small, large in zip(one, three, strict=True):
        assert large.dense.forward == pytest.approx(3 * small.dense.forward)
        if small.kind not in ("batch norm", "group norm"):
            assert large.dense.backward == pytest.approx(3 * small.dense.backward)


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


def test_a_meta_model_counts_what_a_real_training_step_counts() -> None:
    from tests.lab.workloads.models.test_models import NARROW, built

    model = built(NARROW["resnet18"], device="cpu").train()
    method = Dense()
    with method.attach(model, torch.optim.SGD(model.parameters(), lr=0.1)):
        batch = method.begin_step(Batch(torch.randn(2, 3, 32, 32), torch.arange(2)))
        assert batch is not None
        cross_entropy(model(batch.inputs), batch.targets).backward()
    assert method.work() == work_of(NARROW["resnet18"], CIFAR, 2)


def test_layers_of_uncertain_weights_cost_two_maps() -> None:
    plain, uncertain = (work_of(name, CIFAR, 4).dense for name in ("lenet", "bcnn"))
    assert uncertain == plain * 2
    dropped = work_of("bcnn:posterior=dropout", CIFAR, 4)
    assert dropped.dense - dropped.of_kind("dropout").dense == plain


def test_the_count_is_the_average_over_a_cycle() -> None:
    dense = work_of("cnn2", CIFAR, 8)
    skipping = work_of("cnn2", CIFAR, 8, EveryFourthBatch())
    assert skipping.executed.total == pytest.approx(dense.executed.total / 4)
    assert skipping.dense.total == pytest.approx(dense.dense.total)


def test_a_method_whose_work_follows_from_the_data_is_refused() -> None:
    with pytest.raises(ValueError, match="what depends-on-data skips follows from the data"):
        work_of("cnn2", CIFAR, 8, DependsOnData())


def test_the_model_is_free_again_after_counting() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    images = torch.zeros(2, 1, 5, 5)
    assert work_per_iteration(model, images) == work_per_iteration(model, images)
