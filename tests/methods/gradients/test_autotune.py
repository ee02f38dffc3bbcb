"""Autotuning: which layers run by a method, and that the account knows of the others."""

import json
import os
import pwd
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from effmeter.methods.flops.counter import work_per_iteration
from effmeter.methods.gradients.approximate_convolution import Approximated, MaxWeights
from effmeter.methods.gradients.autotune import (
    cache_file,
    gain,
    layer_of,
    machine_of,
    measured_gain,
)
from effmeter.methods.gradients.gradient_approximation import MaxGradient
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import Batch, Method
from effmeter.methods.ops.convolution import Geometry

SSPROP = "ssprop of 0.5 by channel with torch"
RULE = Approximated(MaxWeights())
IMAGES = torch.linspace(-1, 1, 2 * 3 * 6 * 6).reshape(2, 3, 6, 6)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "effmeter" / "autotune.json"


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3))


def remember(file: Path, kind: str, model: nn.Sequential, gains: list[float]) -> None:
    """Write down what was measured for the layers of a model."""
    known, images = {}, IMAGES
    for layer, known_gain in zip(model, gains, strict=True):
        assert isinstance(layer, nn.Conv2d)
        known[layer_of(kind, images, layer.weight, Geometry())] = known_gain
        images = layer(images)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({machine_of(IMAGES): known}))


def step(model: nn.Module, method: Method) -> None:
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_epoch(1, 4)
        method.begin_step(Batch(IMAGES, torch.zeros(2)))
        model(IMAGES).square().sum().backward()


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (lambda autotune: MaxGradient("all", autotune=autotune), "max gradient of 1"),
        (lambda autotune: MaxGradient("all", autotune=autotune).control(), "max gradient of 1"),
        (lambda autotune: SsProp(0.5, "constant", autotune=autotune), SSPROP),
    ],
)
def test_a_layer_that_does_not_pay_runs_and_counts_dense(
    own_cache: Path, method: "type[MaxGradient]", kind: str
) -> None:
    dense, model = layers(), layers()
    remember(own_cache, kind, dense, [2.0, 0.5])
    dense(IMAGES).square().sum().backward()
    autotuned_method = method(autotune=True)
    step(model, autotuned_method)
    first, second = autotuned_method.work().layers
    assert first.executed.backward < first.dense.backward
    assert second.executed == second.dense
    by_rule, exact = (
        [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        for network in (model, dense)
    )
    assert torch.equal(by_rule[2], exact[2])
    assert not torch.allclose(by_rule[0], exact[0])


def test_counting_without_computing_takes_every_layer_to_pay() -> None:
    with torch.device("meta"):
        model, images = layers(), torch.zeros(2, 3, 6, 6)
    always, measured = (
        work_per_iteration(model, images, method=MaxGradient("all", autotune=autotune))
        for autotune in (False, True)
    )
    assert measured == always


def weight() -> Tensor:
    return torch.ones(4, 3, 3, 3, requires_grad=True)


def test_the_gain_is_the_median_ratio_of_the_passes() -> None:
    seconds = iter([0, 9, 9, 10] + [0, 3, 3, 4] * 3 + [0, 1, 1, 3] * 2)
    found = measured_gain(RULE, IMAGES, weight(), Geometry(), lambda: float(next(seconds)))
    assert found == 3.0


def test_a_measurement_is_made_once_and_kept(own_cache: Path) -> None:
    first = gain(RULE, "max", IMAGES, weight(), Geometry())
    assert first > 0.0
    assert gain(RULE, "max", IMAGES, weight(), Geometry()) == first
    (kept,) = json.loads(own_cache.read_text())[machine_of(IMAGES)].values()
    assert kept == first


def test_measuring_draws_none_of_the_loops_random_numbers() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    measured_gain(RULE, IMAGES, weight(), Geometry())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_damaged_file_is_replaced(own_cache: Path) -> None:
    own_cache.parent.mkdir()
    own_cache.write_text("{")
    gain(RULE, "max", IMAGES, weight(), Geometry())
    assert json.loads(own_cache.read_text())


def test_without_a_folder_to_write_in_the_process_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    first = gain(RULE, "max", IMAGES, weight(), Geometry())
    assert gain(RULE, "max", IMAGES, weight(), Geometry()) == first


def test_the_file_lies_in_the_users_cache() -> None:
    assert cache_file({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/effmeter/autotune.json")
    in_home = cache_file({"HOME": "/h"})
    assert in_home is not None
    assert in_home.is_relative_to("/h")
    of_the_user = cache_file({"HOME": ""})
    assert of_the_user is not None
    assert of_the_user.is_relative_to(pwd.getpwuid(os.getuid()).pw_dir)
