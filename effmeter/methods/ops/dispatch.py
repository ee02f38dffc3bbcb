"""Which code computes for the methods on a device: compiled kernels, or the framework's operations.

Kernels are chosen where they can run. The environment variable ``EFFMETER_KERNELS`` set to
``framework`` leaves them alone. Loads Numba, but no framework.
"""

import functools
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "EFFMETER_KERNELS"
CHOICES = ("auto", "framework")
DEVICE_TYPES = ("cpu", "cuda")
"""Those for which there are kernels, as the framework names them."""


@dataclass(frozen=True, slots=True)
class KernelPath:
    """What computes on one type of device."""

    device_type: str
    compiled: bool
    """Whether Numba's kernels do; otherwise the framework's operations."""
    reason: str = ""
    """Why the kernels do not."""


def kernel_path(device_type: str, environ: Mapping[str, str] = os.environ) -> KernelPath:
    """Of a type of device; ValueError if the environment variable says what it cannot."""
    chosen = environ.get(VARIABLE) or "auto"
    if chosen not in CHOICES:
        raise ValueError(f"{VARIABLE} is {' or '.join(CHOICES)}, not {chosen!r}")
    if chosen == "framework":
        return KernelPath(device_type, False, f"{VARIABLE} is set to framework")
    reason = _absence(device_type)
    return KernelPath(device_type, reason is None, reason or "")


@functools.cache
def _absence(device_type: str) -> str | None:
    """Why no kernel can run there; None if they can."""
    if device_type not in DEVICE_TYPES:
        return f"there are no kernels for {device_type}"
    availability = importlib.import_module(f"effmeter.kernels.{device_type}.availability")
    found: str | None = availability.absence()
    return found
