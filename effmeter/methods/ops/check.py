"""The check of the kernels that ``effmeter doctor`` runs; loads no PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from effmeter.methods.ops.dispatch import DEVICE_TYPES, VARIABLE, KernelPath, kernel_path

_NO_TORCH = "torch is not installed, and the methods need it: pip install 'effmeter[torch]'"


@dataclass(frozen=True, slots=True)
class KernelCheck:
    """What computes for the methods on one type of device."""

    device_type: str
    compiled: bool
    """Whether Numba's kernels compute."""
    reason: str
    """Why they do not, or what failed when one ran; empty where nothing failed."""

    def __str__(self) -> str:
        """One line for people."""
        if not self.compiled:
            finding = f"by PyTorch ({self.reason})"
        elif self.reason:
            finding = f"fail here ({self.reason}): set {VARIABLE}=torch"
        else:
            finding = "compiled by Numba"
        return f"Kernels of methods on {self.device_type}: {finding}"


def kernel_checks(environ: Mapping[str, str]) -> tuple[KernelCheck, ...]:
    """The kernels of each type of device; one for the processor runs, as proof.

    Its first run on a machine compiles it, which takes seconds. UsageError for an unknown value
    of ``EFFMETER_KERNELS``.
    """
    if not _is_installed("torch"):
        return tuple(KernelCheck(device_type, False, _NO_TORCH) for device_type in DEVICE_TYPES)
    paths = [kernel_path(device_type, environ) for device_type in DEVICE_TYPES]
    return tuple(
        KernelCheck(path.device_type, path.compiled, path.reason or _failure(path))
        for path in paths
    )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _failure(path: KernelPath) -> str:
    """What went wrong in a run of one kernel; a GPU is not opened for this."""
    if path.device_type != "cpu":
        return ""
    import numpy as np

    from effmeter.kernels.cpu.channels import importance

    try:
        sums = importance(np.array([[[[1.0, -2.0]], [[3.0, 4.0]]]], np.float32))
    except Exception as error:
        # Compilers, caches and thread pools fail with errors of many kinds.
        return " ".join(str(error).split()) or type(error).__name__
    return "" if sums.tolist() == [3.0, 7.0] else f"wrong sums: {sums.tolist()}"
