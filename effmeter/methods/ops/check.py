"""The check of the kernels that ``effmeter doctor`` runs; loads no PyTorch."""

from collections.abc import Mapping
from importlib.util import find_spec

from effmeter.methods.ops.dispatch import DEVICE_TYPES, KernelPath, kernel_path

_NO_TORCH = "torch is not installed, and the methods need it: pip install 'effmeter[torch]'"


def kernel_checks(environ: Mapping[str, str]) -> tuple[KernelPath, ...]:
    """What computes for the methods on each type of device; see ``kernel_path``."""
    paths = tuple(kernel_path(device_type, environ) for device_type in DEVICE_TYPES)
    if find_spec("torch") is None:
        return tuple(KernelPath(path.device_type, False, _NO_TORCH) for path in paths)
    return paths
