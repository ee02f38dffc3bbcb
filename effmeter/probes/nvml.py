"""NVIDIA GPUs, read through NVML by the package ``nvidia-ml-py``.

Volta and newer count their energy in millijoules since the driver was loaded; the counter steps
every 20 to 100 ms. Older GPUs only show their power. Both are listed where both exist, the power
as contained in the energy. What a GPU without either draws is unknown, and never estimated.

Sources: NVIDIA, NVML API Reference; Yang, Adamek and Armour, "Part-time power measurements:
nvidia-smi's lack of attention" (arXiv 2312.02741) for refresh periods and averaging windows.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery, Failure, Reading
from effmeter.probes.sysfs import read_text
from effmeter.schema import Channel, Component, Kind, Provenance, Refusal

ENERGY_REFRESH_S = 0.1
GAIN_ERROR_FRACTION = 0.05
"""NVIDIA states 5 % for its power readings; Yang et al. found as much on most GPUs."""
_GA100_CAPABILITY = (8, 0)
"""A100 and A30: the only Ampere GPUs whose power reading is no average over a second."""
_FAST_GAUGE = (0.02, 0.01)
_SAMPLED_GAUGE = (0.1, 0.025)
_STEADY_GAUGE = (0.1, 0.1)
_AVERAGED_GAUGE = (0.1, 1.0)
"""Refresh period and averaging window of the power reading (s)."""


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One channel with the call that reads it."""

    channel: Channel
    call: Callable[[Any], int]
    handle: Any

    def read(self) -> int | float:
        """Millijoules of a counter, watts of a gauge; NVMLError."""
        value = self.call(self.handle)
        return value if self.channel.kind is Kind.COUNTER else value * 1e-3


class NvmlProbe:
    """Reads every GPU that NVML lists; ``pynvml.NVMLError`` where NVML does not start.

    ``refusals`` tells of the GPUs that give no figure.
    """

    name = "nvml"
    period_s = 0.02

    def __init__(self, clock: Clock | None = None) -> None:
        import pynvml

        self._nvml: Any = pynvml
        self._now_ns = (clock or SystemClock()).now_ns
        self._sensors: list[_Sensor] = []
        pynvml.nvmlInit()
        self._started = True
        try:
            searched = [self._admit(index) for index in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError:
            self.close()
            raise
        self.refusals = tuple(refusal for refusals in searched for refusal in refusals)
        self.channels = tuple(sensor.channel for sensor in self._sensors)

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back; an error of one GPU stays its own."""
        readings = []
        before_ns = self._now_ns()
        for sensor in self._sensors:
            value: int | float | Failure
            try:
                value = sensor.read()
            except self._nvml.NVMLError as error:
                value = Failure(f"{sensor.channel.source}: {error}")
            after_ns = self._now_ns()
            readings.append(Reading(sensor.channel.name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Let go of the driver."""
        if self._started:
            self._started = False
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _admit(self, index: int) -> list[Refusal]:
        """Take in the sensors of a GPU that answer; what refuses, unless it has another."""
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            counter, gauge = self._counter(index, handle), self._gauge(index, handle)
        except self._nvml.NVMLError as error:
            return [_refusal(f"NVML, GPU {index}", error)]
        errors = {sensor.channel.source: self._first_error(sensor) for sensor in (counter, gauge)}
        counter_error, gauge_error = errors.values()
        if counter_error is None:
            self._sensors.append(counter)
        elif gauge_error is None:
            gauge = replace(gauge, channel=replace(gauge.channel, contained_in=None))
        if gauge_error is None:
            self._sensors.append(gauge)
        alone = counter_error is not None and gauge_error is not None
        return [
            _refusal(f"{source}, GPU {index}", error)
            for source, error in errors.items()
            if error is not None and (alone or error.value != self._nvml.NVML_ERROR_NOT_SUPPORTED)
        ]

    def _first_error(self, sensor: _Sensor) -> Any:
        """The NVMLError of a first reading; None if there is none."""
        try:
            sensor.read()
        except self._nvml.NVMLError as error:
            return error
        return None

    def _counter(self, index: int, handle: Any) -> _Sensor:
        channel = Channel(
            name=f"gpu{index}",
            component=Component.GPU,
            kind=Kind.COUNTER,
            provenance=Provenance.MEASURED,
            source="nvmlDeviceGetTotalEnergyConsumption",
            refresh_s=ENERGY_REFRESH_S,
            device=self._device(handle),
            unit_j=1e-3,
            resolution=1e-3,
            gain_error_fraction=GAIN_ERROR_FRACTION,
            max_power_w=self._max_power_w(handle),
        )
        return _Sensor(channel, self._nvml.nvmlDeviceGetTotalEnergyConsumption, handle)

    def _gauge(self, index: int, handle: Any) -> _Sensor:
        refresh_s, window_s = self._gauge_timing(handle)
        channel = Channel(
            name=f"gpu{index}-power",
            component=Component.GPU,
            kind=Kind.GAUGE,
            provenance=Provenance.MEASURED,
            source="nvmlDeviceGetPowerUsage",
            refresh_s=refresh_s,
            device=self._device(handle),
            contained_in=f"gpu{index}",
            resolution=1e-3,
            window_s=window_s,
            gain_error_fraction=GAIN_ERROR_FRACTION,
            max_power_w=self._max_power_w(handle),
        )
        return _Sensor(channel, self._nvml.nvmlDeviceGetPowerUsage, handle)

    def _device(self, handle: Any) -> str:
        return f"{self._nvml.nvmlDeviceGetName(handle)} {self._nvml.nvmlDeviceGetUUID(handle)}"

    def _max_power_w(self, handle: Any) -> float | None:
        """More than the GPU can draw; None where it states no limit."""
        try:
            _, most_mw = self._nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
        except self._nvml.NVMLError:
            return None
        return most_mw * 1e-3 * LIMIT_HEADROOM if most_mw > 0 else None

    def _gauge_timing(self, handle: Any) -> tuple[float, float]:
        """Refresh period and averaging window of the power reading (s), by architecture.

        A GPU that does not tell its generation is taken for one that averages longest.
        """
        try:
            architecture = self._nvml.nvmlDeviceGetArchitecture(handle)
            capability = tuple(self._nvml.nvmlDeviceGetCudaComputeCapability(handle))
        except self._nvml.NVMLError:
            return _AVERAGED_GAUGE
        if capability == _GA100_CAPABILITY:
            return _SAMPLED_GAUGE
        if architecture in (self._nvml.NVML_DEVICE_ARCH_PASCAL, self._nvml.NVML_DEVICE_ARCH_VOLTA):
            return _FAST_GAUGE
        older = architecture <= self._nvml.NVML_DEVICE_ARCH_TURING
        return _STEADY_GAUGE if older else _AVERAGED_GAUGE


def find(sysfs: Path, clock: Clock) -> Discovery:
    """The GPUs that NVML lists, and the refusals of those it should and does not."""
    import pynvml

    try:
        probe = NvmlProbe(clock)
    except pynvml.NVMLError as error:
        no_driver = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        if error.value in no_driver and not nvidia_gpu_present(sysfs):
            return Discovery((), (_absent(str(error)),))
        return Discovery((), (_refusal("NVML", error),))
    if probe.channels:
        return Discovery((probe,), probe.refusals)
    probe.close()
    return Discovery((), probe.refusals or (_absent("it lists no GPU"),))


def nvidia_gpu_present(sysfs: Path) -> bool:
    """Whether a display controller of NVIDIA sits on the PCI bus."""
    devices = (sysfs / "bus" / "pci" / "devices").glob("*")
    return any(
        read_text(device / "vendor") == "0x10de"
        and (read_text(device / "class") or "").startswith("0x03")
        for device in devices
    )


def _absent(answer: str) -> Refusal:
    reason = f"no NVIDIA GPU on this machine ({answer})"
    return Refusal("NVML", Component.GPU, reason, present=False)


def _refusal(source: str, error: Any) -> Refusal:
    return Refusal(source, Component.GPU, str(error), _remedy(error.value))


def _remedy(code: int) -> str:
    """The command that lifts an NVML error, as far as there is one."""
    import pynvml

    remedies = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
            "install NVIDIA's driver (libnvidia-ml.so.1); a container needs: docker run --gpus all"
        ),
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "sudo modprobe nvidia",
        pynvml.NVML_ERROR_NO_PERMISSION: "sudo usermod -aG video,render $USER, then log in again",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
            "sudo reboot  # the driver was upgraded under the loaded kernel module"
        ),
        pynvml.NVML_ERROR_GPU_IS_LOST: "sudo reboot  # dmesg tells why it fell off the bus",
        pynvml.NVML_ERROR_NOT_SUPPORTED: "",
    }
    return remedies.get(code, "sudo dmesg | grep NVRM  # the driver's own account")
