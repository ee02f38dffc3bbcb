"""Workloads: what is trained, on what data, and the reference loop that trains it.

``WORKLOADS`` lists them without loading torch; ``Workload.prepare`` loads it. Nothing here knows
about measuring: the loop takes any iterable of epochs and a callback for the metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effmeter.methods.workloads.training import Training


@dataclass(frozen=True, slots=True)
class Workload:
    """A family of models of growing size, and the data set that they learn."""

    architecture: str
    dataset: str
    sizes: range
    prepare: "Callable[[int, int, str], Training]"
    """From size, seed and device (``auto``, ``cpu``, ``cuda``, ``mps``) to a training, ready to
    run. ValueError for a size or a device that there is not, ImportError without the packages."""


def _prepare_lenet(size: int, seed: int, device: str) -> "Training":
    from effmeter.methods.workloads.digits import load_digits
    from effmeter.methods.workloads.lenet import LeNet
    from effmeter.methods.workloads.training import adam_training

    return adam_training(lambda: LeNet(size), load_digits(), seed, device)


WORKLOADS = {
    workload.architecture: workload
    for workload in (Workload("lenet", "digits", range(1, 6), _prepare_lenet),)
}
