"""LeNet whose weights are uncertain, in widths 1 to 5.

Source: Cueto-Mendoza and Kelleher, A framework for measuring the training efficiency of a neural
architecture, whose Bayesian network has the layers of its LeNet.
"""

from torch import Tensor, nn
from torch.nn.functional import dropout

from effmeter.lab.workloads.bayesian import (
    GaussianWeights,
    gaussian_convolution,
    gaussian_linear,
    mean_scores,
)
from effmeter.lab.workloads.lenet import lenet_layers
from effmeter.methods.flops import cost


class BayesianLeNet(nn.Module):
    """Class scores (B, classes) from images (B, channels, 32, 32), drawn anew at each call.

    In training a call is one draw; in evaluation the softmax of its scores is the mean over
    ``samples`` draws.
    """

    def __init__(self, layers: nn.Sequential, samples: int = 1) -> None:
        super().__init__()
        self.layers = layers
        self.samples = samples

    def forward(self, images: Tensor) -> Tensor:
        """Unnormalised scores of each class."""
        return mean_scores(lambda: self.layers(images), 1 if self.training else self.samples)


def gaussian_lenet(
    size: int = 1,
    *,
    samples: int = 1,
    weights: GaussianWeights | None = None,
    channels: int = 1,
    classes: int = 10,
) -> BayesianLeNet:
    """LeNet with a Gaussian for every weight and bias; trained by an EvidenceBound."""
    chosen = weights if weights is not None else GaussianWeights()
    layers = lenet_layers(
        size,
        channels,
        classes,
        convolution=lambda inputs, outputs: gaussian_convolution(inputs, outputs, 5, chosen),
        linear=lambda inputs, outputs: gaussian_linear(inputs, outputs, chosen),
    )
    return BayesianLeNet(layers, samples)


def dropout_lenet(
    size: int = 1,
    *,
    samples: int = 1,
    drop: float = 0.5,
    channels: int = 1,
    classes: int = 10,
) -> BayesianLeNet:
    """LeNet with dropout before every layer of weights but the first, also when evaluated.

    Gal and Ghahramani, Bayesian Convolutional Neural Networks with Bernoulli Approximate
    Variational Inference; trained on cross-entropy. ``drop`` is the fraction dropped.
    """
    layers = lenet_layers(size, channels, classes, after_activation=lambda: SteadyDropout(drop))
    return BayesianLeNet(layers, samples)


class SteadyDropout(nn.Module):
    """Dropout of single values in training and in evaluation alike."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop

    def forward(self, inputs: Tensor) -> Tensor:
        """The inputs with a fraction ``drop`` of them 0 and the rest scaled up for it."""
        return dropout(inputs, self.drop, training=True)


cost.register(SteadyDropout, "dropout", cost.dropout_cost)
