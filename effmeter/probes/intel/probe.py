"""Intel's graphics cards: the energy that the drivers ``i915`` and ``xe`` show in hwmon.

============================== ========= ======= ==== ======= ======================= ==========
name                           component kind    unit refresh scope                   provenance
============================== ========= ======= ==== ======= ======================= ==========
intel-gpu-ADDRESS              gpu       counter uJ   0.1 s   the card                measured
intel-gpu-ADDRESS-power        gpu       gauge   W    0.1 s   the same; within it     measured
intel-gpu-ADDRESS-chip         gpu       counter uJ   0.1 s   the chip; within it     measured
intel-gpu-ADDRESS-tileN        gpu       counter uJ   0.1 s   a tile; within it       measured
intel-gpu-ADDRESS-asleep       gpu       gauge   W    0.1 s   the card while it sleeps derived
============================== ========= ======= ==== ======= ======================= ==========

A card is named by its PCI address, which stays the same when another hwmon device appears. The
drivers show energy since Linux 6.2 (``i915``) and 6.8 (``xe``). A card whose driver shows no energy
is unknown, never absent. A sleeping card (runtime suspend) is not read: that would wake it. Where
it sleeps when it is found, a gauge of 1 W stands for the 0 to 2 W that it draws.

Source: the kernel's ``Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon`` and ``…-xe-hwmon``.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery, Failure
from effmeter.probes.intel.cards import CardFile, card_files, cards_on_bus
from effmeter.probes.intel.listing import DEVICE_NODES, list_devices
from effmeter.probes.meter_files import FileMeter, MeterProbe, cause_of, readable
from effmeter.probes.pci import PciDevice, is_suspended

REFRESH_S = 0.1
"""On the safe side: the firmware writes the counter about every millisecond."""
GAIN_ERROR_FRACTION = 0.05
"""Intel states none: as much is assumed as for other cards."""
OFFSET_ERROR_W = 20.0
"""Fans and regulators of consumer boards, which their meters show in part."""
NOISE_FRACTION = 0.01
_LEAST_CARD_W = 1.0
ASLEEP = Failure("the card sleeps (runtime suspend), and reading it would wake it")
ASLEEP_W = 1.0
"""What a gauge of a sleeping card is taken to show: it draws 0 to 2 W."""
_SHOWN_SINCE = "uname -r  # drivers show energy since Linux 6.2 (i915) and 6.8 (xe)"
_SCOPES = {"": "the card", "chip": "the chip alone, without memory and regulators"}


def find(sysfs: Path, clock: Clock, nodes: Path = DEVICE_NODES) -> Discovery:
    """The cards that show energy or power, and the refusals of those that show neither.

    Those without a device node here, in ``nodes``, belong to other programs of the machine.
    """
    own = {device.id for device in list_devices(sysfs, nodes)}
    cards = [card for card in cards_on_bus(sysfs) if card.address in own]
    outside = {card.address for card in cards_on_bus(sysfs)} - own
    files = {file.name: file for file in card_files(sysfs) if file.card not in outside}
    meters = [FileMeter(_channel(file, files), file.path) for file in files.values()]
    asleep = [meter for meter in meters if is_suspended(files[meter.channel.name].device)]
    read, refusals = readable((meter for meter in meters if meter not in asleep), _refusal)
    resting = [
        _Resting(_resting_channel(meter.channel))
        for meter in asleep
        if meter.channel.contained_in is None and meter.channel.kind is Kind.COUNTER
    ]
    folders = {name: file.device for name, file in files.items()}
    folders |= {meter.channel.name: folders[meter.counter] for meter in resting}
    probe = MeterProbe(
        "intel",
        [*read, *asleep, *resting],
        REFRESH_S / 2,
        clock,
        lambda channel: _while_asleep(channel) if is_suspended(folders[channel.name]) else None,
    )
    silent = [
        _silent(card)
        for card in cards
        if not any(file.card == card.address for file in files.values())
    ]
    hidden = [_hidden(address) for address in sorted(outside)]
    return Discovery((probe,) if probe.channels else (), (*refusals, *silent, *hidden))


class _Resting:
    """A gauge of a card that sleeps; once the card is awake, its counter shows its energy."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    @property
    def counter(self) -> str:
        """The name of the counter."""
        return self.channel.contained_in or ""

    def show(self) -> float:
        """Nothing: a sleeping card is not read."""
        raise ValueError("the card is awake")

    def close(self) -> None:
        """It has no file."""


def _resting_channel(counter: Channel) -> Channel:
    return replace(
        counter,
        name=f"{counter.name}-asleep",
        kind=Kind.GAUGE,
        provenance=Provenance.DERIVED,
        source=f"runtime suspend of {counter.device}",
        scope="a sleeping card is not read: 1 W stands for the 0 to 2 W that it draws",
        contained_in=counter.name,
        unit_j=1.0,
        window_s=counter.refresh_s,
        gain_error_fraction=0.0,
        offset_error_w=ASLEEP_W,
        least_power_w=0.0,
        max_power_w=2 * ASLEEP_W,
    )


def _while_asleep(channel: Channel) -> float | Failure:
    return ASLEEP_W if channel.provenance is Provenance.DERIVED else ASLEEP


def _channel(file: CardFile, files: Mapping[str, CardFile]) -> Channel:
    name = f"intel-gpu-{file.card}"
    limit_uw = file.limit_uw
    return Channel(
        name=file.name,
        component=Component.GPU,
        kind=Kind.COUNTER if file.is_counter else Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=str(file.path),
        refresh_s=REFRESH_S,
        device=f"Intel card {file.card}",
        scope=_SCOPES.get(file.part, f"{file.part} of the card"),
        contained_in=name if file.name != name and name in files else None,
        unit_j=1e-6 if file.is_counter else 1.0,
        resolution=1e-6,
        gain_error_fraction=GAIN_ERROR_FRACTION,
        offset_error_w=OFFSET_ERROR_W,
        noise_fraction=NOISE_FRACTION,
        least_power_w=0.0 if file.part else _LEAST_CARD_W,
        max_power_w=None if limit_uw is None else limit_uw * 1e-6 * LIMIT_HEADROOM,
    )


def _hidden(address: str) -> Refusal:
    reason = "it is outside this container, which has no device node of it"
    return Refusal(f"PCI {address}", Component.GPU, reason, present=False)


def _silent(card: PciDevice) -> Refusal:
    """A card without a meter; its driver is what can show one."""
    source = f"PCI {card.address}"
    driver = card.folder / "driver"
    if driver.exists():
        reason = f"an Intel graphics card; its driver ({driver.resolve().name}) shows no energy"
        remedy = _SHOWN_SINCE
    else:
        reason = "an Intel graphics card; no driver shows its energy"
        remedy = f"sudo modprobe xe  # or i915\n{_SHOWN_SINCE}"
    unread = f"intel-gpu-{card.address}"
    return Refusal(source, Component.GPU, reason, remedy, leaves_unread=unread)


def _refusal(channel: Channel, error: OSError | ValueError) -> Refusal:
    unread = channel.contained_in or channel.name
    if isinstance(error, PermissionError):
        remedy = f"sudo chmod a+r {channel.source}  # every user, until the next boot"
        reason = "only root may read it"
        return Refusal(channel.source, Component.GPU, reason, remedy, leaves_unread=unread)
    reason = f"it cannot be read: {cause_of(error)}"
    remedy = "sudo dmesg | grep -E 'i915|xe'  # the driver's own account"
    return Refusal(channel.source, Component.GPU, reason, remedy, leaves_unread=unread)
