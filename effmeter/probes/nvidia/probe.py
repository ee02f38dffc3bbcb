"""NVIDIA GPUs, read through NVML by the package ``nvidia-ml-py``.

=====================  =========  =======  =======  =======================================
channel                component  kind     refresh  scope
=====================  =========  =======  =======  =======================================
``gpu0``               gpu        counter  100 ms   the GPU; mJ, Volta and newer
``gpu0-power-samples`` gpu        gauge    20 ms    the GPU, stamped by the driver; Hopper
``gpu0-power-average`` gpu        gauge    100 ms   the GPU, averaged over 1 s
``gpu0-power-instant`` gpu        gauge    100 ms   the GPU, see :mod:`.nvml_channels`
``gpu0-power``         gpu        gauge    100 ms   the GPU, where neither field answers
``gpu0-power-memory``  gpu        gauge    100 ms   its memory, averaged over 1 s; Hopper
``gpu0-module-power``  board      gauge    100 ms   GPU, Grace processor and memory
``gpu0-module``        board      counter  100 ms   the same; instead of ``gpu0`` on GH200
=====================  =========  =======  =======  =======================================

All are measured, all units are watts but for the counters'. Volta and newer refresh faster; 100 ms
is the longest known. Each channel is contained in the one above it that answers, so that of
several figures of a GPU the best counts, once: the counter, else the samples or the average, which
see all the time, else the gauge that shows the moment. What takes in the module stands apart, since
the processor has channels of its own. On a GPU with MIG every instance is shown its parent's
figures: the physical GPU is recorded, and its scope says who shares it. What a GPU without any
of these draws is unknown, and never estimated.

Source: NVIDIA, NVML API Reference.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.channel import Component, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Boundary, Conditions, DeviceMemory, Discovery, Failure, Reading
from effmeter.probes.nvidia.channels import Gpu
from effmeter.probes.nvidia.conditions import conditions_of
from effmeter.probes.nvidia.device import Device, refusal_of
from effmeter.probes.nvidia.fields import refused
from effmeter.probes.nvidia.presence import LIBRARY, can_load, not_on_bus, shown_by_rails
from effmeter.probes.nvidia.process_use import use_by_process
from effmeter.probes.pci import NVIDIA, gpus_on_bus, is_suspended

PERIOD_S = 0.02
SETTLES_S = 0.05
"""How long after a moment the samples that show its power are in the buffer: the newest is stamped
up to 20 ms ago, and averages over up to 30 ms before its stamp."""


class NvmlProbe:
    """Reads every GPU that NVML lists; ``pynvml.NVMLError`` where NVML does not start.

    ``refusals`` tells of the GPUs that give no figure, ``gpus`` of all that are there: one that
    does not even tell its name has none here either.
    """

    name = "nvml"
    period_s = PERIOD_S

    def __init__(self, clock: Clock | None = None, sysfs: Path | None = None) -> None:
        import pynvml

        self._sysfs = sysfs or Path("/sys")

        self._nvml: Any = pynvml
        self._clock = clock or SystemClock()
        self._devices: list[Device] = []
        pynvml.nvmlInit()
        self._started = True
        try:
            found = [self._admit(index) for index in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError:
            self.close()
            raise
        self.gpus = tuple(gpu for gpu, _ in found)
        self.refusals = tuple(refusal for _, refusals in found for refusal in refusals)
        self.channels = tuple(s.channel for device in self._devices for s in device.sensors)
        self.is_coarse = any(device.is_coarse for device in self._devices)
        self.settles_s = SETTLES_S if any(d.is_sampled for d in self._devices) else 0.0

    def read(self) -> list[Reading]:
        """The readings of every GPU that are due; an error of one GPU stays its own."""
        return [reading for device in self._devices for reading in device.read()]

    def read_at(self, boundary: Boundary) -> list[Reading]:
        """The readings at a boundary: every channel, unless samples make one not worth its cost."""
        return [reading for device in self._devices for reading in device.read_at(boundary)]

    def read_closely(self) -> list[Reading]:
        """One reading of the energy counters without samples beside them."""
        return [reading for device in self._devices for reading in device.read_closely()]

    def users(self) -> dict[str, tuple[int, ...] | Failure]:
        """The processes that compute or draw on each GPU; numbers of the machine's own."""
        return {d.own_channel: d.users() for d in self._devices if not d.is_asleep}

    def memory(self) -> dict[str, DeviceMemory]:
        """The memory of each GPU that is in use, and by which processes."""
        return {d.own_channel: d.memory() for d in self._devices if not d.is_asleep}

    def use_by_process(self, since_s: float) -> dict[str, Mapping[int, float] | Failure]:
        """How much each process used each GPU that is awake in the last ``since_s`` seconds."""
        wall_ns = self._clock.anchor().wall_ns
        since_us = max(0, round(wall_ns / 1000 - since_s * 1e6))
        return {
            device.own_channel: use_by_process(self._nvml, device.handle, since_us)
            for device in self._devices
            if not device.is_asleep
        }

    def conditions(self) -> dict[str, Conditions]:
        """Clocks, temperature, limit and throttling of each GPU that is awake."""
        return {
            device.own_channel: conditions_of(self._nvml, device.handle)
            for device in self._devices
            if not (device.folder and is_suspended(device.folder))
        }

    def close(self) -> None:
        """Let go of the driver."""
        if self._started:
            self._started = False
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _admit(self, index: int) -> tuple[Gpu, Sequence[Refusal]]:
        """Take in a GPU with the sensors of it that answer; what refuses."""
        try:
            device = Device(self._nvml, index, self._clock, self._sysfs)
        except self._nvml.NVMLError as error:
            nameless = Gpu(index, "", "")
            name = nameless.channel_name
            return nameless, [refusal_of(f"NVML, GPU {index}", refused(error), name)]
        if device.sensors:
            self._devices.append(device)
        return device.gpu, list(device.refusals())


def find(sysfs: Path, clock: Clock, covered: Collection[Component] = ()) -> Discovery:
    """The GPUs that NVML lists, and the refusals of those it should and does not.

    ``covered``: the components that other sensors show whole, as a Jetson's supply rails do.
    """
    if Component.GPU in covered:
        return Discovery((), (shown_by_rails(),))
    if not can_load(LIBRARY) and not gpus_on_bus(sysfs, NVIDIA):
        return Discovery((), (not_on_bus(sysfs, f"{LIBRARY} cannot be loaded"),))
    import pynvml

    try:
        probe = NvmlProbe(clock, sysfs)
    except pynvml.NVMLError as error:
        no_driver = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        if error.value in no_driver and not gpus_on_bus(sysfs, NVIDIA):
            return Discovery((), (not_on_bus(sysfs, str(error)),))
        return Discovery((), (refusal_of("NVML", refused(error), "NVIDIA GPUs"),))
    if probe.channels:
        return Discovery((probe,), probe.refusals)
    probe.close()
    return Discovery((), probe.refusals or (not_on_bus(sysfs, "it lists no GPU"),))
