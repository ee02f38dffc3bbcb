"""Power meters of Linux' hwmon tree: NVIDIA Grace and Jetson, AMD's processors, and any other.

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
cpu0-hwmon     cpu       counter uJ   0.1 s     the package, by ``amd_energy``  measured
                                                or ``zenergy``; contained in
                                                RAPL's channel of it
jetson-…       by label  gauge   W    7 ms      see ``ina3221``                 measured
hwmonN-powerM  board     gauge   W    0.1 s     any other meter; stands apart   measured
hwmonN-energyM board     counter uJ   0.1 s     any other meter; stands apart   measured
============== ========= ======= ==== ========= =============================== ==========

Sources: the kernel's ``Documentation/hwmon/sysfs-interface.rst`` and ``acpi_power_meter.rst``;
NVIDIA, Grace Performance Tuning Guide, "Power Telemetry", and its firmware's ACPI tables.
"""

import contextlib
from collections.abc import Collection, Iterable
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery
from effmeter.probes.device_tree import jetson_model
from effmeter.probes.hwmon import ina3221
from effmeter.probes.hwmon.rails import GRACE_SCOPE, Rail, list_rails
from effmeter.probes.meter_files import MOST_W, FileMeter, Meter, MeterProbe, cause_of, readable
from effmeter.probes.pci import has_gpu_on_bus

REFRESH_S = 0.1
OFFSET_ERROR_W = 5.0
"""What a board's regulators add that a processor's meter does not show."""
NOISE_FRACTION = 0.01
GAIN_ERROR_FRACTION = 0.03
"""AMD's counter is RAPL's, by another driver; Grace states its accuracy."""
_LEAST_SOCKET_W = 1.0
"""A socket with its fabric and caches draws more while the machine is awake."""


def find(sysfs: Path, clock: Clock, taken: Collection[str] = ()) -> Discovery:
    """The meters that can be read; silent on machines that have none.

    ``taken`` holds the names of the channels that RAPL reads.
    """
    rails = [rail for rail in list_rails(sysfs / "class" / "hwmon") if rail.role.name not in taken]
    meters, refusals = readable(_file_meters(rails, taken), _refusal)
    jetson, jetson_refusals = _jetson(sysfs)
    probes = (
        MeterProbe("hwmon", meters, REFRESH_S / 2, clock),
        MeterProbe(ina3221.DRIVER, jetson, ina3221.PERIOD_S, clock),
    )
    return Discovery(
        tuple(probe for probe in probes if probe.channels),
        (*refusals, *jetson_refusals),
        _processors_covered(sysfs, jetson) | _memory_covered(meters),
    )


def _processors_covered(sysfs: Path, jetson: Iterable[Meter]) -> frozenset[Component]:
    """The processors that a Jetson's rails feed; not its GPU beside a graphics card."""
    covered = ina3221.covered_parts(meter.channel for meter in jetson)
    return covered - {Component.GPU} if has_gpu_on_bus(sysfs) else covered


def _memory_covered(meters: Iterable[Meter]) -> frozenset[Component]:
    """The memory, where the processors' figures have it in them, so that it must not be added."""
    is_inside = any(meter.channel.scope == GRACE_SCOPE for meter in meters)
    return frozenset({Component.RAM} if is_inside else ())


def _jetson(sysfs: Path) -> tuple[list[Meter], list[Refusal]]:
    """The rails of a Jetson; a refusal of its GPU where none of them feeds it."""
    found = ina3221.jetson_meters(sysfs)
    has_soc = any(meter.channel.component is Component.SOC for meter in found)
    meters, refusals = readable(
        found, lambda channel, error: ina3221.refusal_of(channel, cause_of(error), has_soc)
    )
    model = jetson_model(sysfs)
    covered = ina3221.covered_parts(meter.channel for meter in meters)
    if model and Component.GPU not in covered:
        reason = f"the GPU of this Jetson ({model}) has no power meter but the rails of an INA3221"
        reason += ", and none that feeds it can be read"
        refusals.append(Refusal(ina3221.DRIVER, Component.GPU, reason, "sudo modprobe ina3221"))
    return meters, refusals


def _file_meters(rails: Iterable[Rail], taken: Collection[str]) -> Iterable[Meter]:
    return (FileMeter(_channel(rail, taken), rail.file) for rail in rails)


def _channel(rail: Rail, taken: Collection[str]) -> Channel:
    is_processor = rail.role.component is Component.CPU
    is_socket = is_processor and not rail.role.is_part
    return Channel(
        name=rail.role.name,
        component=rail.role.component,
        kind=Kind.COUNTER if rail.is_counter else Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=str(rail.file),
        refresh_s=max(REFRESH_S, _seconds(rail.folder / "update_interval")),
        device=f"{rail.device} {rail.label}".strip(),
        scope=rail.role.scope,
        contained_in=_container(rail, taken),
        unit_j=1e-6 if rail.is_counter else 1.0,
        resolution=1e-6,
        window_s=_window_s(rail),
        gain_error_fraction=_gain_error_fraction(rail),
        offset_error_w=OFFSET_ERROR_W if is_processor else 0.0,
        noise_fraction=NOISE_FRACTION if is_processor else 0.0,
        least_power_w=_LEAST_SOCKET_W if is_socket else 0.0,
        max_power_w=_max_power_w(rail),
    )


def _container(rail: Rail, taken: Collection[str]) -> str | None:
    """The channel that contains it: of a package, the one that RAPL reads, by any way."""
    container = rail.role.contained_in
    if container is None or not rail.role.is_package:
        return container
    ways = (container, f"{container}-perf")
    dies = (name for name in sorted(taken) if name.startswith(f"{container}-die"))
    return next((name for name in (*ways, *dies) if name in taken), container)


def _window_s(rail: Rail) -> float:
    """How long an average is taken over; where it is unknown a second, the longest of Grace's."""
    if not rail.file.name.endswith("_average"):
        return 0.0
    return _seconds(rail.folder / f"{rail.quantity}_average_interval") or 1.0


def _seconds(path: Path) -> float:
    """The milliseconds in a file; 0 where there are none."""
    with contextlib.suppress(OSError, ValueError):
        return min(max(0, int(path.read_text())) * 1e-3, 3600.0)
    return 0.0


def _gain_error_fraction(rail: Rail) -> float:
    """What the firmware's stated accuracy leaves open: ``98.5%`` means 1.5 %."""
    with contextlib.suppress(ValueError):
        percent = float((rail.attribute("accuracy") or "").rstrip("%"))
        return (100 - percent) / 100 if 0 < percent <= 100 else GAIN_ERROR_FRACTION
    return GAIN_ERROR_FRACTION


def _max_power_w(rail: Rail) -> float | None:
    """More than the device can draw, where it states its highest cap."""
    with contextlib.suppress(ValueError):
        most_w = int(rail.attribute("cap_max") or "") * 1e-6
        return most_w * LIMIT_HEADROOM if 0 < most_w < MOST_W else None
    return None


def _refusal(channel: Channel, error: OSError | ValueError) -> Refusal:
    """A meter that cannot be read; a part of a processor leaves unread what contains it."""
    source, is_board = channel.source, channel.component is Component.BOARD
    outer = channel.contained_in
    is_whole = outer is None or outer.startswith("module")
    unread = "" if is_board else channel.name if is_whole else outer or ""
    if isinstance(error, PermissionError):
        remedy = f"sudo chmod a+r {source}  # every user, until the next boot"
        reason = "only root may read it"
        return Refusal(source, channel.component, reason, remedy, leaves_unread=unread)
    reason = f"it cannot be read: {cause_of(error)}"
    return Refusal(source, channel.component, reason, present=not is_board, leaves_unread=unread)
