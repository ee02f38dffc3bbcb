"""Operations counted from the models of the catalogue: the published tables."""

import functools

import pytest
import torch
from torch.nn.functional import cross_entropy

from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.models.entry import Images
from effmeter.lab.workloads.models.flops import work_of
from effmeter.methods.flops.counter import iterations
from effmeter.methods.flops.work import Work
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import Batch, Dense
from tests.lab.workloads.models.test_models import NARROW, built, deep_ones_slow

MNIST = Images(1, 28, 28)
CIFAR = Images(3, 32, 32)
BATCH = 128


@functools.cache
def counted(model: str, images: Images, is_sparse: bool = False) -> Work:
    return work_of(model, images, BATCH, SsProp(0.8, period=2) if is_sparse else None)


def billions(work: Work) -> float:
    return round(work.nominal.backward / 1e9, 2)


@pytest.mark.parametrize(
    ("model", "images", "dense", "sparse"),
    [
        ("resnet18", MNIST, 234.10, 140.79),
        pytest.param("resnet50", MNIST, 540.06, 325.85, marks=pytest.mark.slow),
        ("resnet18", CIFAR, 285.32, 171.61),
        pytest.param("resnet50", CIFAR, 669.75, 404.18, marks=pytest.mark.slow),
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
        pytest.param("resnet50", MNIST, 60_000, 50, 12.66, 7.64, marks=pytest.mark.slow),
        ("resnet18", CIFAR, 50_000, 50, 5.57, 3.35),
        pytest.param("resnet50", CIFAR, 50_000, 250, 65.41, 39.47, marks=pytest.mark.slow),
    ],
)
def test_totals_of_a_training_are_those_that_ssprop_reports(
    model: str, images: Images, samples: int, epochs: int, dense: float, sparse: float
) -> None:
    steps = iterations(samples, BATCH, epochs)
    for is_sparse, published in ((False, dense), (True, sparse)):
        work = counted(model, images, is_sparse)
        assert round(work.nominal.backward * steps / 1e15, 2) == published


@pytest.mark.slow
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


@pytest.mark.parametrize("name", deep_ones_slow(MODELS))
def test_work_grows_with_the_batch_alone(name: str) -> None:
    """But for the part of a norm that a batch costs once."""
    one, many = work_of(name, CIFAR, 1), counted(name, CIFAR)
    for small, large in zip(one, many, strict=True):
        assert large.dense.forward == pytest.approx(BATCH * small.dense.forward)
        if small.kind not in ("batch norm", "group norm"):
            assert large.dense.backward == pytest.approx(BATCH * small.dense.backward)


def test_a_meta_model_counts_what_a_real_training_step_counts() -> None:
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
