"""How much each process uses one NVIDIA GPU.

``nvmlDeviceGetProcessUtilization`` answers one sample for each process that used the GPU since a
time stamp: the percentage of the time in which its kernels ran, averaged over what the driver's
buffer keeps since then, with the time of the last use. Without any use it answers *not found*. It
is not supported on GPUs with MIG, and its process numbers are those of the host. Some drivers pad
the answer with samples without a process or beyond 100 %.

Source: NVIDIA, NVML API Reference, ``nvmlDeviceGetProcessUtilization``.
"""

from typing import Any

from effmeter.probes.base import Failure

CALL = "nvmlDeviceGetProcessUtilization"
_MOST_PERCENT = 100


def use_by_process(nvml: Any, handle: Any, since_us: int) -> dict[int, float] | Failure:
    """The part of the time since a moment in which each process used the GPU.

    ``since_us`` is of the wall clock, which stamps the samples.
    """
    try:
        samples = nvml.nvmlDeviceGetProcessUtilization(handle, since_us)
    except nvml.NVMLError as error:
        if error.value == nvml.NVML_ERROR_NOT_FOUND:
            return {}
        return Failure(f"{CALL}: {error}")
    return {
        sample.pid: sample.smUtil / 100
        for sample in samples
        if sample.pid and sample.timeStamp > since_us and sample.smUtil <= _MOST_PERCENT
    }
