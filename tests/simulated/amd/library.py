"""Stands where the package ``amdsmi`` would."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.simulated.amd.gpu import Machine, SimulatedAmdGpu, load

NO_PERMISSION = "AMDSMI_STATUS_NO_PERM - Permission Denied"
DRIVER_NOT_LOADED = "AMDSMI_STATUS_DRIVER_NOT_LOADED - Driver not loaded"
NOT_SUPPORTED = "AMDSMI_STATUS_NOT_SUPPORTED - Feature not supported"
NOT_FOUND = "AMDSMI_STATUS_NOT_FOUND - Device Not found"


class SimulatedError(Exception):
    """Spreads its text over two lines, as the library's own does."""

    def __str__(self) -> str:
        return f"Error code:\n\t10 | {self.args[0]}"


class SimulatedAmdSmi:
    """The calls of the library that a probe uses; a handle is the number of a GPU.

    ``now_ns`` is the clock that its counters follow and that ``timestamp`` shows, late by
    ``timestamp_lag_ns``; ``count_key`` is the count's name, which changed with ROCm 6.1.
    """

    AmdSmiException = SimulatedError

    def __init__(
        self,
        gpus: Sequence[SimulatedAmdGpu],
        now_ns: Callable[[], int],
        origin_ns: int = 0,
        *,
        count_key: str = "energy_accumulator",
        counter_resolution: float = 15.300000190734863,
        timestamp_lag_ns: int | None = 0,
        init_error: str | None = None,
    ) -> None:
        self._gpus = tuple(gpus)
        self._machine = Machine(self._gpus, origin_ns, now_ns)
        self._count_key = count_key
        self._resolution = counter_resolution
        self._lag_ns = timestamp_lag_ns
        self._init_error = init_error
        self.users = 0

    def show(self, gpus: Sequence[SimulatedAmdGpu]) -> None:
        """Change the GPUs under the probe."""
        self._gpus = tuple(gpus)

    def amdsmi_init(self) -> None:
        if self._init_error is not None:
            raise SimulatedError(self._init_error)
        self.users += 1

    def amdsmi_shut_down(self) -> None:
        self.users -= 1

    def amdsmi_get_processor_handles(self) -> list[int]:
        return list(range(len(self._gpus)))

    def amdsmi_get_gpu_device_bdf(self, handle: int) -> str:
        return self._gpu(handle).address.upper()

    def amdsmi_get_gpu_asic_info(self, handle: int) -> dict[str, Any]:
        return {"market_name": self._gpu(handle).model, "vendor_id": "0x1002"}

    def amdsmi_get_power_cap_info(self, handle: int) -> dict[str, Any]:
        """Microwatts, as since ROCm 6.4."""
        limit_w = self._gpu(handle).limit_w
        if limit_w is None:
            raise SimulatedError(NOT_SUPPORTED)
        return {"power_cap": limit_w * 10**6, "max_power_cap": limit_w * 10**6, "dpm_cap": 0}

    def amdsmi_get_energy_count(self, handle: int) -> dict[str, Any]:
        count = self._gpu(handle).count(self._machine.t_s)
        lag_ns = self._lag_ns
        stated_ns = 0 if lag_ns is None else self._machine.now_ns() - lag_ns
        return {
            self._count_key: count,
            "counter_resolution": self._resolution,
            "timestamp": stated_ns,
        }

    def amdsmi_get_power_info(self, handle: int) -> dict[str, Any]:
        gpu = self._gpu(handle)
        power_w = gpu.power_w(self._machine.t_s)
        return {
            "current_socket_power": "N/A" if gpu.averages else power_w,
            "average_socket_power": power_w if gpu.averages else "N/A",
            "gfx_voltage": 780,
            "power_limit": "N/A",
        }

    def _gpu(self, handle: int) -> SimulatedAmdGpu:
        gpu = self._gpus[handle]
        if gpu.error is not None:
            raise SimulatedError(gpu.error)
        return gpu


def from_configuration(path: Path) -> SimulatedAmdSmi:
    """The library of a machine that another program wrote."""
    machine = load(path)
    return SimulatedAmdSmi(machine.gpus, machine.now_ns, machine.origin_ns)
