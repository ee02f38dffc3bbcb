"""What a user states about a machine that no sensor measures, so that estimates come closer.

Environment variables win over the file ``effmeter/config.toml`` in ``$XDG_CONFIG_HOME`` (by
default ``~/.config``) or, for the whole machine, in one of ``$XDG_CONFIG_DIRS`` (by default
``/etc/xdg``)::

    [estimate]
    cpu_tdp_w = 65            # design power of all sockets together; EFFMETER_CPU_TDP_W
    cpu_idle_fraction = 0.2   # the idle processor's share of it
    cpu_factor = 2.5          # the truth lies within the figure divided and multiplied by this
    ram_w_per_gib = 0.375     # EFFMETER_RAM_W_PER_GIB
    ram_factor = 3.0

A setting that cannot be meant is never passed over: what it concerns is not estimated at all.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.channel import Component
from effmeter.errors import UsageError
from effmeter.probes.settings_file import config_file, load

TDP_VARIABLE = "EFFMETER_CPU_TDP_W"
RAM_VARIABLE = "EFFMETER_RAM_W_PER_GIB"
_SECTION = "estimate"


@dataclass(frozen=True, slots=True)
class _Setting:
    """One key: what it concerns, which values can be meant, and its variable if it has one."""

    component: Component
    is_meant: Callable[[float], bool]
    meaning: str
    variable: str = ""


def _is_positive(value: float) -> bool:
    return 0 < value < math.inf


_POWER = (_is_positive, "a power in watts above zero")
_FACTOR = (lambda value: 1 <= value < math.inf, "a factor of at least 1")
_SETTINGS = {
    "cpu_tdp_w": _Setting(Component.CPU, *_POWER, TDP_VARIABLE),
    "cpu_idle_fraction": _Setting(
        Component.CPU, lambda value: 0 <= value < 1, "a fraction from 0 to below 1"
    ),
    "cpu_factor": _Setting(Component.CPU, *_FACTOR),
    "ram_w_per_gib": _Setting(Component.RAM, *_POWER, RAM_VARIABLE),
    "ram_factor": _Setting(Component.RAM, *_FACTOR),
}


@dataclass(frozen=True, slots=True)
class EstimateSettings:
    """What is stated; None where it is left to the estimator."""

    cpu_tdp_w: float | None = None
    cpu_idle_fraction: float | None = None
    cpu_factor: float | None = None
    ram_w_per_gib: float | None = None
    ram_factor: float | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    """Setting to the variable or file that states it."""


class SettingError(UsageError):
    """A setting that cannot be meant: where it stands, what it concerns, and how to put it right.

    ``component`` is None where the file as a whole cannot be understood.
    """

    def __init__(
        self, origin: str, reason: str, remedy: str, component: Component | None = None
    ) -> None:
        super().__init__(reason)
        self.origin = origin
        self.remedy = remedy
        self.component = component


def read_settings(environ: Mapping[str, str]) -> tuple[EstimateSettings, list[SettingError]]:
    """What environment and file state, and the settings among it that cannot be meant."""
    errors = []
    stated: dict[str, tuple[object, str]] = {}
    try:
        stated.update(_from_file(environ))
    except SettingError as error:
        errors.append(error)
    stated.update(_from_environment(environ))
    meant: dict[str, float] = {}
    for key, (value, origin) in stated.items():
        number = _number(value)
        if number is not None and _SETTINGS[key].is_meant(number):
            meant[key] = number
        else:
            errors.append(_unmeant(key, value, origin))
    origins = {key: stated[key][1] for key in meant}
    return EstimateSettings(**meant, origins=origins), errors


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    return {
        key: (environ[setting.variable], setting.variable)
        for key, setting in _SETTINGS.items()
        if setting.variable and setting.variable in environ
    }


def _from_file(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    path = config_file(environ)
    if path is None:
        return {}
    section = _load(path).get(_SECTION, {})
    remedy = f"edit {path}: [{_SECTION}] knows {', '.join(_SETTINGS)}"
    if not isinstance(section, dict):
        raise SettingError(str(path), f"{path}: {_SECTION} is no section", remedy)
    for key in section:
        if key not in _SETTINGS:
            raise SettingError(str(path), f"{path}: [{_SECTION}] knows no {key!r}", remedy)
    return {key: (value, str(path)) for key, value in section.items()}


def _load(path: Path) -> dict[str, Any]:
    try:
        settings, _ = load(path)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise SettingError(str(path), f"{path}: {cause}", f"edit {path}") from error
    return settings


def _number(value: object) -> float | None:
    """A number, or the one that a variable's text spells."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _unmeant(key: str, value: object, origin: str) -> SettingError:
    setting = _SETTINGS[key]
    example = {"cpu_tdp_w": "65", "ram_w_per_gib": "0.375"}.get(key, "2")
    if origin == setting.variable:
        reason = f"{origin}={value!r} is not {setting.meaning}"
        remedy = f"export {origin}={example}"
    else:
        reason = f"{origin}: {key} = {value!r} is not {setting.meaning}"
        remedy = f"edit {origin}: {key} = ..."
    return SettingError(origin, reason, remedy, setting.component)
