"""Gaussian weights: the mean and variance of a draw, what the loss sums, and that it learns."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import cross_entropy, softplus

from effmeter.errors import UsageError
from effmeter.lab.workloads import Recipe, prepare
from effmeter.lab.workloads.bayesian import (
    EvidenceBound,
    GaussianLayer,
    GaussianWeights,
    gaussian_convolution,
    gaussian_divergence,
    gaussian_linear,
    mean_scores,
)
from effmeter.lab.workloads.bayesian_lenet import dropout_lenet, gaussian_lenet
from effmeter.lab.workloads.lenet import LeNet

WIDE = GaussianWeights(rho_mean=-1.0)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def trained(epochs: int, seed: int = 0, *options: tuple[str, str | int]) -> list[dict[str, float]]:
    """The metrics of the smallest network on the digits as they are, in batches of 64."""
    logged: list[dict[str, float]] = []

    def log(_: int, /, **metrics: float) -> None:
        logged.append(metrics)

    given = (("shifts", 0), *options)
    prepare(Recipe("bcnn", seed=seed, device="cpu", batch_size=64, options=given)).run(
        range(epochs), log
    )
    return logged


def weight_draws(layer: GaussianLayer, inputs: Tensor, plain: nn.Module, count: int) -> Tensor:
    """Outputs of the plain layer for ``count`` draws of its weights: the definition."""
    parameters = {
        "weight": Normal(layer.weight_mean, softplus(layer.weight_rho)),
        "bias": Normal(layer.bias_mean, softplus(layer.bias_rho)),
    }
    drawn = {name: gaussian.sample((count,)) for name, gaussian in parameters.items()}

    def outputs(weights: dict[str, Tensor]) -> Tensor:
        scores: Tensor = torch.func.functional_call(plain, weights, inputs)
        return scores

    return torch.vmap(outputs)(drawn)


@pytest.mark.parametrize(
    ("layer", "plain", "inputs"),
    [
        (gaussian_linear(5, 3, WIDE), nn.Linear(5, 3), torch.ones(1, 5)),
        (gaussian_convolution(2, 3, 5, WIDE), nn.Conv2d(2, 3, 5), torch.ones(1, 2, 6, 6)),
    ],
    ids=["linear", "convolution"],
)
def test_drawing_activations_has_the_moments_of_drawing_weights(
    layer: GaussianLayer, plain: nn.Module, inputs: Tensor
) -> None:
    with torch.no_grad():
        direct = layer(inputs.expand(4000, *inputs.shape[1:])).unsqueeze(1)
        defined = weight_draws(layer, inputs, plain, 4000)
    spread = defined.std(dim=0)
    assert direct.shape == defined.shape
    assert torch.all((direct.mean(dim=0) - defined.mean(dim=0)).abs() < 0.12 * spread)
    assert torch.all((direct.std(dim=0) / spread - 1).abs() < 0.08)


def test_each_image_of_a_batch_has_noise_of_its_own() -> None:
    first, second = gaussian_linear(5, 3, WIDE)(torch.ones(2, 5))
    assert not torch.equal(first, second)


def test_posteriors_begin_as_in_the_paper() -> None:
    layers = [m for m in gaussian_lenet(2).modules() if isinstance(m, GaussianLayer)]
    means = torch.cat([layer.weight_mean.detach().flatten() for layer in layers])
    rhos = torch.cat([layer.weight_rho.detach().flatten() for layer in layers])
    assert (means.mean().item(), means.std().item()) == pytest.approx((0.0, 0.1), abs=0.002)
    assert (rhos.mean().item(), rhos.std().item()) == pytest.approx((-5.0, 0.1), abs=0.002)


def test_the_divergence_is_that_of_gaussians() -> None:
    mean, deviation = torch.randn(20), torch.rand(20) + 0.01
    expected = kl_divergence(Normal(mean, deviation), Normal(0.3, 0.2)).sum()
    assert torch.allclose(gaussian_divergence(mean, deviation, 0.3, 0.2), expected)


def test_a_posterior_equal_to_its_prior_diverges_by_nothing() -> None:
    divergence = gaussian_divergence(torch.zeros(4), torch.full((4,), 0.1), 0.0, 0.1)
    assert divergence.item() == pytest.approx(0.0, abs=1e-6)


def test_the_loss_sums_the_likelihood_of_all_images_and_a_tenth_of_the_divergence() -> None:
    model = gaussian_lenet(1)
    scores, labels = torch.randn(4, 10), torch.tensor([1, 2, 3, 4])
    likelihood = cross_entropy(scores, labels)
    divergence = torch.zeros(())
    for layer in model.modules():
        if isinstance(layer, GaussianLayer):
            for mean, rho in (
                (layer.weight_mean, layer.weight_rho),
                (layer.bias_mean, layer.bias_rho),
            ):
                divergence += kl_divergence(Normal(mean, softplus(rho)), Normal(0.0, 0.1)).sum()
    whole = EvidenceBound(model, 1000, beta=0.1, per_image=False)(scores, labels)
    assert torch.allclose(whole, 1000 * likelihood + 0.1 * divergence, rtol=1e-4)
    assert torch.allclose(EvidenceBound(model, 1000)(scores, labels), whole / 1000, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_it_has_the_layers_of_lenet_and_two_parameters_for_each_weight(size: int) -> None:
    model = gaussian_lenet(size, channels=3, classes=7)
    plain = LeNet(size, channels=3, classes=7)
    count = [sum(p.numel() for p in m.parameters()) for m in (model, plain)]
    assert count[0] == 2 * count[1]
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("make", [gaussian_lenet, dropout_lenet])
def test_a_size_outside_the_published_ones_is_refused(make: type) -> None:
    with pytest.raises(UsageError, match="sizes 1 to 5, not 6"):
        make(6)


@pytest.mark.parametrize("make", [gaussian_lenet, dropout_lenet])
def test_an_evaluation_is_a_draw_as_well(make: type) -> None:
    model, images = make(1).eval(), torch.ones(1, 1, 32, 32)
    assert not torch.equal(model(images), model(images))


def test_scores_of_several_draws_stand_for_their_mean_probabilities() -> None:
    draws = [torch.randn(3, 4) for _ in range(5)]
    remaining = iter(draws)
    scores = mean_scores(lambda: next(remaining), 5)
    expected = torch.stack([draw.softmax(dim=1) for draw in draws]).mean(dim=0)
    assert torch.allclose(scores.exp(), expected)


def test_more_draws_spread_less() -> None:
    images = torch.ones(1, 1, 32, 32)
    with torch.no_grad():
        spreads = [
            model(images.expand(100, -1, -1, -1)).softmax(dim=1).std(dim=0).mean()
            for model in (dropout_lenet(1, samples=count).eval() for count in (1, 10))
        ]
    assert spreads[1] < 0.6 * spreads[0]


def test_its_loss_falls_from_the_first_epoch_on() -> None:
    first, second = trained(2)
    assert second["loss"] < first["loss"]


@pytest.mark.slow
def test_it_learns_the_digits() -> None:
    metrics = trained(4)
    assert metrics[0]["accuracy"] < 0.4
    assert metrics[-1]["accuracy"] > 0.7
    assert metrics[-1]["loss"] < metrics[0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        pytest.param([("posterior", "dropout")], 5, marks=pytest.mark.slow),
        ([("loss", "sum"), ("beta", 1)], 3),
    ],
)
def test_its_other_forms_learn_too(options: list[tuple[str, str | int]], epochs: int) -> None:
    first, *_, last = trained(epochs, 0, *options)
    assert last["loss"] < first["loss"]
    assert last["train_accuracy"] > first["train_accuracy"] + 0.1


def test_its_noise_follows_from_the_seed_alone() -> None:
    options = (("posterior", "dropout"), ("samples", 2))
    expected = trained(1, 3, *options)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert trained(1, 3, *options) == expected
    assert torch.equal(torch.get_rng_state(), before)
    assert trained(1, 4, *options) != expected
