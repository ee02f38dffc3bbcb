"""Which code computes for the methods on a device: compiled kernels or PyTorch's operations.

Kernels are chosen where they can run, unless the environment variable ``EFFMETER_KERNELS`` is set
to ``torch``. Loads Numba, but not PyTorch.
"""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass

from effmeter.errors import UsageError
from effmeter.kernels.availability import cpu_unavailable_reason, cuda_unavailable_reason

VARIABLE = "EFFMETER_KERNELS"
CHOICES = ("auto", "torch")
_UNAVAILABLE_REASONS = {"cpu": cpu_unavailable_reason, "cuda": cuda_unavailable_reason}
DEVICE_TYPES = tuple(_UNAVAILABLE_REASONS)
"""The types of devices, in PyTorch's words, for which there are kernels."""


@dataclass(frozen=True, slots=True)
class KernelPath:
    """What computes for the methods on one type of device."""

    device_type: str
    compiled: bool
    """Whether Numba's kernels compute; otherwise PyTorch's operations."""
    reason: str = ""
    """Why the kernels do not."""


def kernel_path(device_type: str, environ: Mapping[str, str] = os.environ) -> KernelPath:
    """What computes on a type of device; UsageError for an unknown value of the variable."""
    chosen = environ.get(VARIABLE) or "auto"
    if chosen not in CHOICES:
        raise UsageError(f"{VARIABLE} is {' or '.join(CHOICES)}, not {chosen!r}")
    if chosen == "torch":
        return KernelPath(device_type, False, f"{VARIABLE} is set to torch")
    reason = _unavailable_reason(device_type)
    return KernelPath(device_type, reason is None, reason or "")


@functools.cache
def _unavailable_reason(device_type: str) -> str | None:
    """Why no kernel can run on a type of device; None where kernels can."""
    if device_type not in _UNAVAILABLE_REASONS:
        return f"there are no kernels for {device_type}"
    return _UNAVAILABLE_REASONS[device_type]()
