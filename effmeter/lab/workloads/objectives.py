"""What a model is trained on."""

from typing import Protocol

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


class Objective(Protocol):
    """The loss of a batch, a scalar to differentiate."""

    def __call__(self, scores: Tensor, labels: Tensor, /) -> Tensor:
        """From scores (B, classes) and labels (B,); may read the model it was made for."""


def attribute_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of attributes that are there (1) or not (0), both (B, K)."""
    return binary_cross_entropy_with_logits(scores, labels.to(scores.dtype))


def mean_error(errors: Tensor, _labels: Tensor) -> Tensor:
    """The objective: errors (B,) averaged over the images."""
    return errors.mean()
