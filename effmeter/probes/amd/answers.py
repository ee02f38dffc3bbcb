"""What the calls of AMD's library answer, with the names and oddities of its versions."""

from typing import Any

from effmeter.probes.amd.gpu import (
    COUNTER_UNIT_J,
    NOT_SHOWN,
    REFRESH_S,
    number,
    watts,
    whole_count,
)
from effmeter.probes.base import Failure

Answer = dict[str, Any] | str | Failure
_COUNT_KEYS = ("energy_accumulator", "power")
"""The name since ROCm 6.1, and the one before."""
_POWER_KEYS = ("current_socket_power", "average_socket_power", "socket_power")
"""MI300 and newer, Navi and MI200 and older, and the name that ROCm 7 uses for all."""
_SAME_UNIT_WITHIN = 0.01


def count_in(energy: Answer) -> int | Failure:
    """The raw count of ``amdsmi_get_energy_count``."""
    if isinstance(energy, Failure):
        return energy
    counts = (whole_count(_get(energy, key)) for key in _COUNT_KEYS)
    count = next((count for count in counts if count is not None), None)
    return Failure(f"amdsmi_get_energy_count: {NOT_SHOWN}") if count is None else count


def unit_j(energy: Answer) -> float:
    """Joules per count: 2^-16, or what the library states where that is something else."""
    stated_uj = number(_get(energy, "counter_resolution"))
    stated_j = COUNTER_UNIT_J if not stated_uj else stated_uj * 1e-6
    same = abs(stated_j / COUNTER_UNIT_J - 1) < _SAME_UNIT_WITHIN
    return COUNTER_UNIT_J if same else stated_j


def stated_ns(energy: Answer, last_ns: int, begun_ns: int, counted_ns: int) -> int | None:
    """When the count was taken, if the library says so sanely: on Linux, by the run clock.

    The driver may answer with a count from up to a refresh period before the call; never with
    one from before the reading at ``last_ns``.
    """
    stated = _get(energy, "timestamp")
    earliest_ns = max(last_ns, begun_ns - int(REFRESH_S * 1e9))
    if isinstance(stated, int) and earliest_ns <= stated <= counted_ns:
        return stated
    return None


def power_key(power: Answer) -> str:
    """The name under which the GPU's generation shows its power."""
    shown = [key for key in _POWER_KEYS if number(_get(power, key)) is not None]
    return next((key for key in shown if number(_get(power, key))), (*shown, *_POWER_KEYS)[0])


def power_in(power: Answer) -> float | Failure:
    """The power of ``amdsmi_get_power_info`` (W)."""
    if isinstance(power, Failure):
        return power
    power_w = number(_get(power, power_key(power)))
    return Failure(f"amdsmi_get_power_info: {NOT_SHOWN}") if power_w is None else power_w


def cap_w(caps: Answer, power: Answer) -> float | None:
    """The most that the GPU may be set to draw (W); None where it states none."""
    stated = (_get(caps, "max_power_cap"), _get(caps, "power_cap"), _get(power, "power_limit"))
    return next((limit for shown in stated if (limit := watts(shown)) is not None), None)


def one_line(error: Exception) -> str:
    """A library's error, which it spreads over lines and tabs."""
    return " ".join(str(error).split())


def _get(answer: Answer, key: str) -> object:
    return answer.get(key) if isinstance(answer, dict) else None
