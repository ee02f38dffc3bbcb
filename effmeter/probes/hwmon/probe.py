"""Power meters of Linux' hwmon tree: NVIDIA Grace by its firmware, and others as they are found.

``powerN_average`` and ``powerN_input`` show microwatts, ``energyN_input`` counts microjoules.
Grace's meters are ACPI power meters that name their rail; the firmware looks every 50 ms, the
kernel keeps its answer for as long, and the average is taken over 50 ms or over a second.

============== ========= ======= ==== ========= =============================== ==========
name           component kind    unit refresh   scope                           provenance
============== ========= ======= ==== ========= =============================== ==========
module0        board     gauge   W    0.1 s     Grace, Hopper and their memory  measured
cpu0           cpu       gauge   W    0.1 s     the Grace socket and memory     measured
cpu0-rail      cpu       gauge   W    0.1 s     cores; contained in cpu0        measured
cpu0-sysio     cpu       gauge   W    0.1 s     fabric; contained in cpu0       measured
cpu0-hwmon     cpu       counter uJ   0.1 s     amd_energy; contained in cpu0   measured
hwmonN-card    gpu       counter uJ   0.1 s     an Intel card (i915, xe)        measured
hwmonN-powerM  board     gauge   W    0.1 s     any other meter; stands apart   measured
hwmonN-energyM board     counter uJ   0.1 s     any other meter; stands apart   measured
============== ========= ======= ==== ========= =============================== ==========

Sources: the kernel's ``Documentation/hwmon/sysfs-interface.rst`` and ``acpi_power_meter.rst``;
NVIDIA, Grace Performance Tuning Guide, "Power Telemetry", and its firmware's ACPI tables.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery, Failure, Reading
from effmeter.probes.hwmon.rails import GRACE_SCOPE, Rail, list_rails

REFRESH_S = 0.1
MOST_UW = 10**12
"""A meter that shows more than a megawatt shows an error of its firmware (0xFFFFFFFF mW)."""


class _Meter:
    """The open file of one rail, opened again after a failure; OSError, ValueError at first."""

    def __init__(self, rail: Rail, channel: Channel) -> None:
        self.channel = channel
        self._rail = rail
        self._descriptor = -1
        try:
            self._read()
        except (OSError, ValueError):
            self.close()
            raise

    def read(self) -> int | float | Failure:
        """Microjoules of a counter, watts of a gauge; or why there is none."""
        try:
            return self._read()
        except (OSError, ValueError) as error:
            self.close()
            cause = error.strerror if isinstance(error, OSError) else str(error)
            return Failure(f"{self._rail.file}: {cause}")

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _read(self) -> int | float:
        if self._descriptor < 0:
            self._descriptor = os.open(self._rail.file, os.O_RDONLY | os.O_CLOEXEC)
        text = os.pread(self._descriptor, 64, 0)
        try:
            shown = int(text)
        except ValueError:
            raise ValueError("it does not show a number") from None
        if self._rail.is_counter:
            return shown
        if not 0 <= shown < MOST_UW:
            raise ValueError(f"it shows {shown} uW, which is no power")
        return shown * 1e-6


class HwmonProbe:
    """Reads the meters under ``root`` (the place of sysfs); names in ``taken`` are passed over.

    ``refusals`` tells of those that cannot be read.
    """

    name = "hwmon"
    period_s = REFRESH_S / 2

    def __init__(self, root: Path, clock: Clock | None = None, taken: Collection[str] = ()) -> None:
        self._now_ns = (clock or SystemClock()).now_ns
        self._meters: list[_Meter] = []
        refusals = []
        for rail in list_rails(root / "class" / "hwmon"):
            if rail.role.name in taken:
                continue
            try:
                self._meters.append(_Meter(rail, _channel(rail)))
            except (OSError, ValueError) as error:
                refusals.append(_refusal(rail, error))
        self.refusals = tuple(refusals)
        self.channels = tuple(meter.channel for meter in self._meters)

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back."""
        readings = []
        before_ns = self._now_ns()
        for meter in self._meters:
            value = meter.read()
            after_ns = self._now_ns()
            readings.append(Reading(meter.channel.name, before_ns, after_ns, value))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Let go of the files."""
        for meter in self._meters:
            meter.close()


def find(sysfs: Path, clock: Clock, taken: Collection[str] = ()) -> Discovery:
    """The meters that can be read; silent on machines that have none."""
    probe = HwmonProbe(sysfs, clock, taken)
    return Discovery((probe,) if probe.channels else (), probe.refusals)


def takes_in_memory(channel: Channel) -> bool:
    """Whether a processor's figure has the memory in it, which then must not be added."""
    return channel.scope.startswith(GRACE_SCOPE)


def _channel(rail: Rail) -> Channel:
    return Channel(
        name=rail.role.name,
        component=rail.role.component,
        kind=Kind.COUNTER if rail.is_counter else Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=str(rail.file),
        refresh_s=max(REFRESH_S, _seconds(rail.folder / "update_interval")),
        device=f"{rail.device} {rail.label}".strip(),
        scope=rail.role.scope,
        contained_in=rail.role.contained_in,
        unit_j=1e-6 if rail.is_counter else 1.0,
        resolution=1e-6,
        window_s=_window_s(rail),
        gain_error_fraction=_gain_error_fraction(rail),
        max_power_w=_max_power_w(rail),
    )


def _window_s(rail: Rail) -> float:
    """How long an average is taken over; a second, the longest of Grace's, where it is untold."""
    if not rail.file.name.endswith("_average"):
        return 0.0
    return _seconds(rail.folder / f"{rail.quantity}_average_interval") or 1.0


def _seconds(path: Path) -> float:
    """The milliseconds in a file; 0 where there are none."""
    with contextlib.suppress(OSError, ValueError):
        return max(0, int(path.read_text())) * 1e-3
    return 0.0


def _gain_error_fraction(rail: Rail) -> float:
    """What the firmware's stated accuracy leaves open: ``98.5%`` means 1.5 %."""
    with contextlib.suppress(ValueError):
        percent = float((rail.attribute("accuracy") or "").rstrip("%"))
        return (100 - percent) / 100 if 0 < percent <= 100 else 0.0
    return 0.0


def _max_power_w(rail: Rail) -> float | None:
    """More than the device can draw, where it states its highest cap."""
    with contextlib.suppress(ValueError):
        most_w = int(rail.attribute("cap_max") or "") * 1e-6
        return most_w * LIMIT_HEADROOM if 0 < most_w < MOST_UW * 1e-6 else None
    return None


def _refusal(rail: Rail, error: OSError | ValueError) -> Refusal:
    source = str(rail.file)
    if isinstance(error, PermissionError):
        remedy = f"sudo chmod a+r {source}  # every user, until the next boot"
        return Refusal(source, rail.role.component, "only root may read it", remedy)
    cause = error.strerror if isinstance(error, OSError) else str(error)
    reason = f"it cannot be read: {cause}"
    present = rail.role.component is not Component.BOARD
    return Refusal(source, rail.role.component, reason, present=present)
