"""Layers whose weights are Gaussian distributions, and the loss that trains them.

Source: Blundell et al., Weight Uncertainty in Neural Networks (Bayes by backprop); drawn by
local reparametrisation (Kingma, Salimans and Welling, Variational Dropout and the Local
Reparameterization Trick): not the weights are sampled but the pre-activations, whose mean and
variance follow from those of the weights, so that every image has noise of its own.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, linear, softplus

from effmeter.methods.flops import cost
from effmeter.methods.flops.work import LayerKind


@dataclass(frozen=True, slots=True)
class GaussianWeights:
    """The prior of every weight, and where its posterior begins.

    The defaults are those of Cueto-Mendoza and Kelleher; each posterior's mean and ``rho``
    (its deviation is softplus(``rho``)) is drawn from the Gaussian given.
    """

    prior_mean: float = 0.0
    prior_deviation: float = 0.1
    mean_mean: float = 0.0
    mean_deviation: float = 0.1
    rho_mean: float = -5.0
    rho_deviation: float = 0.1


class GaussianLayer(nn.Module):
    """A linear map ``apply`` (inputs, weight, bias) whose weight and bias are Gaussian."""

    def __init__(
        self,
        apply: Callable[[Tensor, Tensor, Tensor], Tensor],
        weight_shape: tuple[int, ...],
        weights: GaussianWeights,
    ) -> None:
        super().__init__()
        self._apply_map = apply
        self._weights = weights
        bias_shape = weight_shape[:1]
        self.weight_mean = nn.Parameter(torch.empty(weight_shape))
        self.weight_rho = nn.Parameter(torch.empty(weight_shape))
        self.bias_mean = nn.Parameter(torch.empty(bias_shape))
        self.bias_rho = nn.Parameter(torch.empty(bias_shape))
        for mean, rho in self._gaussians():
            nn.init.normal_(mean, weights.mean_mean, weights.mean_deviation)
            nn.init.normal_(rho, weights.rho_mean, weights.rho_deviation)

    def forward(self, inputs: Tensor) -> Tensor:
        """One draw of the pre-activations; also in evaluation mode."""
        mean = self._apply_map(inputs, self.weight_mean, self.bias_mean)
        variance = self._apply_map(
            inputs.square(), softplus(self.weight_rho).square(), softplus(self.bias_rho).square()
        )
        # Not randn_like: in a convolution's channels-last layout it is six times as slow.
        noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device)
        return torch.addcmul(mean, variance.sqrt(), noise)

    def divergence(self) -> Tensor:
        """KL(posterior || prior) in nats, summed over weights and biases."""
        weights = self._weights
        return torch.stack(
            [
                gaussian_divergence(
                    mean, softplus(rho), weights.prior_mean, weights.prior_deviation
                )
                for mean, rho in self._gaussians()
            ]
        ).sum()

    def _gaussians(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.weight_mean, self.weight_rho
        yield self.bias_mean, self.bias_rho


def _kind(layer: GaussianLayer) -> LayerKind:
    return "linear" if layer.weight_mean.dim() == 2 else "convolution"


def _cost(layer: GaussianLayer, output: Tensor, widening: cost.Widening) -> cost.CallCost:
    """Two maps: of the means and of the variances."""
    return cost.product_cost(layer.weight_mean, True, output, widening, maps=2)


cost.register(GaussianLayer, _kind, _cost)


def gaussian_convolution(
    inputs: int, outputs: int, kernel_size: int, weights: GaussianWeights
) -> GaussianLayer:
    """A convolution without padding, at stride 1."""
    return GaussianLayer(conv2d, (outputs, inputs, kernel_size, kernel_size), weights)


def gaussian_linear(inputs: int, outputs: int, weights: GaussianWeights) -> GaussianLayer:
    """A linear layer."""
    return GaussianLayer(linear, (outputs, inputs), weights)


def gaussian_divergence(
    mean: Tensor, deviation: Tensor, prior_mean: float, prior_deviation: float
) -> Tensor:
    """KL(q || p) in nats of Gaussians q = (mean, deviation) against one prior p, summed."""
    # Sums first: over a million weights each pass over them costs as much as a convolution.
    squares = deviation.square().sum() + (mean - prior_mean).square().sum()
    constant = mean.numel() * (math.log(prior_deviation) - 0.5)
    return squares / (2.0 * prior_deviation**2) - deviation.log().sum() + constant


@dataclass(frozen=True, slots=True)
class EvidenceBound:
    """The loss N NLL + ``beta`` KL(q || p): a tempered bound on the evidence of all N images.

    NLL is the batch's mean negative log-likelihood, N the images trained on in an epoch, and KL
    sums over all layers of ``model``. ``per_image`` divides everything by N, which leaves the
    weighting as it is and makes the loss comparable with a cross-entropy.
    """

    model: nn.Module
    training_images: int
    beta: float = 0.1
    per_image: bool = True

    def __call__(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch of scores (B, classes) with labels (B,)."""
        divergences = [
            layer.divergence() for layer in self.model.modules() if isinstance(layer, GaussianLayer)
        ]
        likelihood = cross_entropy(scores, labels)
        penalty = self.beta * torch.stack(divergences).sum()
        if self.per_image:
            return likelihood + penalty / self.training_images
        return likelihood * self.training_images + penalty


def mean_scores(draw: Callable[[], Tensor], samples: int) -> Tensor:
    """Scores whose softmax is the mean of the softmax of ``samples`` draws (B, classes)."""
    if samples == 1:
        return draw()
    draws = torch.stack([draw().log_softmax(dim=1) for _ in range(samples)])
    return draws.logsumexp(dim=0) - math.log(samples)
