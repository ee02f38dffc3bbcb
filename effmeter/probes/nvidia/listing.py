"""The NVIDIA GPUs that this process sees: NVML confines its list to the cgroup and the container.

``CUDA_VISIBLE_DEVICES`` does not change NVML's list; see :mod:`.visibility`.
"""

import contextlib
from typing import Any

from effmeter.probes.base import Failure, Listed, ListedDevice
from effmeter.probes.nvidia.channels import mig_instances, pci_address
from effmeter.probes.nvidia.presence import LIBRARY, can_load

_CUDA = "libcuda.so.1"
"""Some containers have it without NVML: programs there can use GPUs."""


def list_devices() -> Listed:
    """The GPUs in NVML's order; a machine without NVIDIA's driver has none."""
    if not can_load(LIBRARY):  # importing pynvml takes longer than all else here
        return () if not can_load(_CUDA) else Failure(f"{_CUDA} is here without {LIBRARY}")
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        no_driver = error.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED
        return () if no_driver else Failure(f"NVML: {error}")
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
