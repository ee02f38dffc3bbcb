"""What bears on an AMD GPU's power, as far as AMD's library shows it.

Source: AMD SMI documentation, ``amdsmi_get_gpu_metrics_info`` and ``amdsmi_get_power_cap_info``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from effmeter.channel import Condition
from effmeter.probes.amd.answers import Answer
from effmeter.probes.amd.gpu import number, watts
from effmeter.probes.base import Conditions

_METRICS = {
    Condition.CLOCK: (("current_gfxclk", "current_gfxclks", "average_gfxclk_frequency"), 1e6),
    Condition.MEMORY_CLOCK: (("current_uclk", "average_uclk_frequency"), 1e6),
    Condition.TEMPERATURE: (("temperature_hotspot", "temperature_edge"), 1.0),
}
"""The names of a figure, the preferred first, and its factor to the unit of the condition."""


def conditions_of(ask: Callable[[str], Answer]) -> Conditions:
    """The conditions of a GPU; ``ask`` calls the library about it by the name of the call."""
    metrics, cap = ask("amdsmi_get_gpu_metrics_info"), ask("amdsmi_get_power_cap_info")
    values: dict[Condition, float | str] = {}
    if isinstance(metrics, dict):
        values.update(_figures(metrics))
    limit_w = watts(cap.get("power_cap")) if isinstance(cap, dict) else None
    if limit_w is not None:
        values[Condition.POWER_LIMIT] = limit_w
    status = number(metrics.get("throttle_status")) if isinstance(metrics, dict) else None
    return Conditions(values, {} if status is None else {"the driver's limits": float(status > 0)})


def _figures(metrics: Mapping[str, Any]) -> Iterator[tuple[Condition, float]]:
    for condition, (names, factor) in _METRICS.items():
        for name in names:
            shown = metrics.get(name)
            figures = [number(each) for each in (shown if isinstance(shown, list) else [shown])]
            known = [figure for figure in figures if figure is not None]
            if known:
                yield condition, sum(known) / len(known) * factor
                break
