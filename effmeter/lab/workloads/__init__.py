"""Workloads: what is trained, on what data, and the reference loop that trains it.

``ARCHITECTURES`` and ``DATASETS`` list them and ``check`` judges a ``Recipe`` without loading
torch; ``check_method`` and ``prepare`` load it. Nothing here knows about measuring: the
loop takes any iterable of epochs and a callback for the metrics.
"""

from effmeter.lab.workloads.architectures import ARCHITECTURES, Architecture, Shape
from effmeter.lab.workloads.datasets.catalogue import DATASETS, Dataset
from effmeter.lab.workloads.divergence import DivergenceError
from effmeter.lab.workloads.preparation import check_method, prepare
from effmeter.lab.workloads.recipe import (
    DENOISING_METRICS,
    METRICS,
    Recipe,
    check,
    dataset_named,
    resolved_options,
)

__all__ = [
    "ARCHITECTURES",
    "DATASETS",
    "DENOISING_METRICS",
    "METRICS",
    "Architecture",
    "Dataset",
    "DivergenceError",
    "Recipe",
    "Shape",
    "check",
    "check_method",
    "dataset_named",
    "prepare",
    "resolved_options",
]
