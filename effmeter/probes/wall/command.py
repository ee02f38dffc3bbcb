"""The power of the whole machine by a command that its owner names in the settings file.

::

    [wall]
    command = ["/usr/local/bin/read-plug", "--watts"]   # prints one number: watts
    interval_s = 1.0              # how often it is run, and how long the meter averages over
    timeout_s = 5.0
    gain_error_fraction = 0.05    # the meter's stated errors
    offset_error_w = 2.0
    max_power_w = 2300            # more than the meter can show

The command is run without a shell, with the recorder's rights. It is therefore taken only from a
file that belongs to root or to the recorder's own user and that others may not write.
"""

import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock
from effmeter.errors import UsageError
from effmeter.probes.base import Discovery
from effmeter.probes.program_output import Output
from effmeter.probes.settings_file import config_file, load
from effmeter.probes.wall.probe import PowerProgram, WallProbe

CHANNEL = "wall"
SECTION = "wall"
_COMMAND = "command"
_DEFAULTS = {
    "interval_s": 1.0,
    "timeout_s": 5.0,
    "gain_error_fraction": 0.05,
    "offset_error_w": 2.0,
    "max_power_w": None,
}
_RANGES = {
    "interval_s": (0.1, 3600.0),
    "timeout_s": (0.1, 60.0),
    "gain_error_fraction": (0.0, 1.0),
    "offset_error_w": (0.0, 1e6),
    "max_power_w": (1.0, 1e6),
}
_NOISE_FRACTION = 0.01
_LEAST_W = 1.0
_LINE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,9})?)(?: ?W)?")


def find(environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The meter that the settings name; silent where they name none."""
    path = config_file(environ)
    if path is None:
        return Discovery()
    try:
        settings, doubt = load(path)
    except (OSError, ValueError) as error:
        reason = f"{path}: {error.strerror if isinstance(error, OSError) else error}"
        return Discovery((), (Refusal(str(path), Component.WALL, reason, f"edit {path}"),))
    section = settings.get(SECTION)
    if section is None:
        return Discovery()
    if doubt is not None:
        reason = f"{path} names a command, and {doubt.reason}: it is not run"
        return Discovery((), (Refusal(str(path), Component.WALL, reason, doubt.remedy),))
    try:
        return Discovery((_probe(path, section, environ, clock),))
    except UsageError as error:
        return Discovery((), (Refusal(str(path), Component.WALL, str(error), f"edit {path}"),))


def power_in(output: Output) -> float:
    """The power that the command prints (W): one number on one line, with a unit or without."""
    if output.status != 0:
        said = (output.complaints.strip().splitlines() or ["nothing"])[-1][:200]
        raise ValueError(f"it failed (status {output.status}): {said}")
    shown = _LINE.fullmatch(output.text.strip())
    if shown is None:
        raise ValueError(f"it printed no number of watts: {output.text.strip()[:80]!r}")
    return float(shown[1])


def _probe(path: Path, section: Any, environ: Mapping[str, str], clock: Clock) -> WallProbe:
    """The probe; UsageError. The command is not run yet: no recording waits for it."""
    if not isinstance(section, dict):
        raise UsageError(f"{path}: {SECTION} is not a section")
    unknown = next((key for key in section if key not in (_COMMAND, *_RANGES)), None)
    if unknown is not None:
        known = ", ".join((_COMMAND, *_RANGES))
        raise UsageError(f"{path}: [{SECTION}] has no setting {unknown!r}, only {known}")
    command = _command(path, section.get(_COMMAND), environ)
    numbers = {key: _number(path, section, key) for key in _RANGES}
    program = PowerProgram(command, power_in, numbers["timeout_s"] or 0.0)
    interval_s = numbers["interval_s"] or 0.0
    return WallProbe(program, _channel(section[_COMMAND], numbers), interval_s, clock)


def _command(path: Path, stated: object, environ: Mapping[str, str]) -> tuple[str, ...]:
    if not isinstance(stated, list) or not stated or not all(isinstance(w, str) for w in stated):
        example = '["/usr/local/bin/read-plug"]'
        raise UsageError(f"{path}: {_COMMAND} is not a list of texts, such as {example}")
    found = shutil.which(stated[0], path=environ.get("PATH"))
    if found is None:
        raise UsageError(f"{path}: there is no program {stated[0]!r}")
    return (found, *stated[1:])


def _number(path: Path, section: Mapping[str, Any], key: str) -> float | None:
    value = section.get(key, _DEFAULTS[key])
    least, most = _RANGES[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise UsageError(f"{path}: {key} = {value!r} is not a number")
    if not least <= value <= most:
        raise UsageError(f"{path}: {key} = {value!r} is not between {least:g} and {most:g}")
    return float(value)


def _channel(command: list[str], numbers: Mapping[str, float | None]) -> Channel:
    interval_s = numbers["interval_s"] or 0.0
    return Channel(
        name=CHANNEL,
        component=Component.WALL,
        kind=Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=" ".join(command),
        refresh_s=interval_s,
        device="wall meter",
        scope="what the configured meter feeds, by its command",
        resolution=0.1,
        window_s=interval_s,
        gain_error_fraction=numbers["gain_error_fraction"] or 0.0,
        offset_error_w=numbers["offset_error_w"] or 0.0,
        noise_fraction=_NOISE_FRACTION,
        least_power_w=_LEAST_W,
        max_power_w=numbers["max_power_w"],
    )
