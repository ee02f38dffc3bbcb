"""The power of the whole machine by its management controller (BMC): IPMI's DCMI.

``ipmitool`` and FreeIPMI's ``ipmi-dcmi`` ask it over ``/dev/ipmi0``, which root alone may open.
The figure is in whole watts and takes in power supplies and fans. BMCs refresh it once a second
or more rarely, and vendors state errors of a few percent at full load and more at idle.

Sources: Intel and others, *DCMI Specification* 1.5, "Get Power Reading"; ``man ipmitool``;
``man ipmi-dcmi``.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock
from effmeter.errors import ProbeError
from effmeter.probes.base import Discovery
from effmeter.probes.program_output import Output
from effmeter.probes.wall.probe import PowerProgram, WallProbe

CHANNEL = "wall-ipmi"
REFRESH_S = 2.0
TIMEOUT_S = 5.0
_FIRST_TIMEOUT_S = 2.0
"""A recording waits for the first answer."""
GAIN_ERROR_FRACTION = 0.1
OFFSET_ERROR_W = 10.0
NOISE_FRACTION = 0.02
_LEAST_W = 5.0
_COMMANDS = (
    ("ipmitool", "dcmi", "power", "reading"),
    ("ipmi-dcmi", "--get-system-power-statistics"),
)
_USUAL_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_POWER = re.compile(
    r"^\s*(?:Instantaneous power reading|Current Power)\s*:\s*([0-9]{1,6})\s*Watts?\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_INACTIVE = re.compile(
    r"^\s*(?:Power reading state is|Power Measurement)\s*:\s*(?!activated|active|available)(\S.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_INSTALL = "sudo apt install ipmitool"
_AS_ROOT = "sudo effmeter daemon run --group $(id -gn)  # root alone may ask the BMC"


def find(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The meter where the machine has a BMC; silent where it has none."""
    if not _has_controller(sysfs):
        return Discovery()
    path = os.pathsep.join((environ.get("PATH") or os.defpath, *_USUAL_FOLDERS))
    complaints = []
    for name, *options in _COMMANDS:
        found = shutil.which(name, path=path)
        if found is None:
            continue
        program = PowerProgram((found, *options), power_in, TIMEOUT_S)
        try:
            replace(program, timeout_s=_FIRST_TIMEOUT_S).run()
        except (ProbeError, ValueError) as error:
            complaints.append(f"{name}: {error}")
        else:
            channel = _channel(f"{name} {' '.join(options)}")
            return Discovery((WallProbe(program, channel, REFRESH_S, clock),))
    if not complaints:
        reason = "the machine has a BMC, and neither ipmitool nor ipmi-dcmi is installed"
        return Discovery((), (_refusal(reason, _INSTALL),))
    remedy = _AS_ROOT if os.geteuid() != 0 else "sudo ipmitool dcmi discover  # what the BMC knows"
    return Discovery((), (_refusal("; ".join(complaints), remedy),))


def power_in(output: Output) -> float:
    """The power in the output of either command (W); ValueError with what it says instead."""
    inactive = _INACTIVE.search(output.text)
    if inactive is not None:
        raise ValueError(f"its power reading is {inactive[1].strip()}")
    powers = _POWER.findall(output.text)
    if len(powers) != 1:
        lines = (output.complaints.strip() or output.text.strip() or "nothing").splitlines()
        raise ValueError(f"it shows no power reading: {lines[-1].strip()[:200]}")
    return float(powers[0])


def _has_controller(sysfs: Path) -> bool:
    nodes = (*(sysfs / "class" / "ipmi").glob("ipmi*"), *(sysfs.parent / "dev").glob("ipmi[0-9]*"))
    return bool(nodes)


def _channel(source: str) -> Channel:
    return Channel(
        name=CHANNEL,
        component=Component.WALL,
        kind=Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=source,
        refresh_s=REFRESH_S,
        device="BMC",
        scope="the machine with its power supplies and fans, by its BMC",
        resolution=1.0,
        window_s=REFRESH_S,
        gain_error_fraction=GAIN_ERROR_FRACTION,
        offset_error_w=OFFSET_ERROR_W,
        noise_fraction=NOISE_FRACTION,
        least_power_w=_LEAST_W,
    )


def _refusal(reason: str, remedy: str) -> Refusal:
    return Refusal("IPMI DCMI", Component.WALL, reason, remedy)
