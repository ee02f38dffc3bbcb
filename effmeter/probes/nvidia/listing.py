"""The NVIDIA GPUs that this process sees: NVML confines its list to the cgroup and the container.

``CUDA_VISIBLE_DEVICES`` does not change NVML's list; see :mod:`.visibility`.
"""

import contextlib
import ctypes
from typing import Any

from effmeter.probes.base import Failure, Listed, ListedDevice
from effmeter.probes.nvidia.channels import mig_instances, pci_address


def list_devices() -> Listed:
    """The GPUs in NVML's order; a machine without NVIDIA's driver has none."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return () if _is_absent(pynvml, error.value) else Failure(f"NVML: {error}")
    try:
        indices = range(pynvml.nvmlDeviceGetCount())
        return tuple(_device(pynvml, index) for index in indices)
    except pynvml.NVMLError as error:
        return Failure(f"NVML: {error}")
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _device(nvml: Any, index: int) -> ListedDevice:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        ids = [str(nvml.nvmlDeviceGetUUID(handle))]
        name = str(nvml.nvmlDeviceGetName(handle))
    except nvml.NVMLError:
        return ListedDevice(("",))  # it keeps its number
    ids += filter(None, [pci_address(nvml, handle)])
    return ListedDevice(tuple(ids), name, mig_instances(nvml, handle))


def _is_absent(nvml: Any, code: int) -> bool:
    """Whether no program here can use a GPU. Some containers have CUDA's library without NVML's."""
    if code == nvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return True
    return bool(code == nvml.NVML_ERROR_LIBRARY_NOT_FOUND) and not _has_cuda()


def _has_cuda() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
