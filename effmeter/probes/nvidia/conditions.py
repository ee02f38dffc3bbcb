"""What bears on an NVIDIA GPU's power: clocks, temperature, power limit, reasons for throttling.

Source: NVIDIA, NVML API Reference, *Clocks Event Reasons* (*Throttle Reasons* before driver 535).
"""

from collections.abc import Callable
from typing import Any

from effmeter.channel import Condition
from effmeter.probes.base import Conditions

_REASONS = {
    0x004: "power limit",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal limit",
    0x040: "hardware thermal limit",
    0x080: "power brake",
}
"""By bit. Idleness and clocks that a user has set hold nothing down."""


def conditions_of(nvml: Any, handle: Any) -> Conditions:
    """The conditions of a GPU; what does not answer is left out."""
    calls: dict[Condition, Callable[[], float]] = {
        Condition.CLOCK: lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) * 1e6,
        Condition.MEMORY_CLOCK: lambda: (
            nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM) * 1e6
        ),
        Condition.TEMPERATURE: lambda: float(
            nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        ),
        Condition.POWER_LIMIT: lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle) * 1e-3,
    }
    values: dict[Condition, float | str] = {}
    for condition, call in calls.items():
        try:
            values[condition] = call()
        except nvml.NVMLError:
            continue
    return Conditions(values, _throttled(nvml, handle))


def _throttled(nvml: Any, handle: Any) -> dict[str, float]:
    for call in (
        nvml.nvmlDeviceGetCurrentClocksEventReasons,
        nvml.nvmlDeviceGetCurrentClocksThrottleReasons,
    ):
        try:
            bits = int(call(handle))
        except nvml.NVMLError:
            continue
        return {reason: float(bool(bits & bit)) for bit, reason in _REASONS.items()}
    return {}
