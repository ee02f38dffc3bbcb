"""What is logged of a part of the data: figures of class scores against the true labels."""

from collections.abc import Callable

from torch import Tensor

Metric = Callable[[Tensor, Tensor], float]
"""From scores (N, classes) and labels (N,), on one device, to a figure; higher is better."""


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """The fraction of scores that are highest at their label.

    Of attributes, labels (N, K) of 0 and 1: the fraction whose score is above 0 where it is there.
    """
    if labels.ndim == 2:
        return float(((scores > 0) == (labels > 0)).sum()) / labels.numel()
    return float((scores.argmax(dim=1) == labels).sum()) / len(labels)


def balanced_accuracy(scores: Tensor, labels: Tensor) -> float:
    """The mean over the classes that occur of the fraction that is classified correctly."""
    from sklearn.metrics import recall_score

    named, true = _on_the_cpu(scores, labels)
    present = true.unique().numpy()
    figure = recall_score(true, named, labels=present, average="macro", zero_division=0)
    return float(figure)


def f1(scores: Tensor, labels: Tensor) -> float:
    """The mean over the classes of the harmonic mean of precision and recall."""
    from sklearn.metrics import f1_score

    named, true = _on_the_cpu(scores, labels)
    return float(f1_score(true, named, average="macro", zero_division=0))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
}
"""By the name that a recipe gives."""


def _on_the_cpu(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return scores.argmax(dim=1).cpu(), labels.cpu()
