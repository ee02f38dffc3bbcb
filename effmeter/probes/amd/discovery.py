"""AMD GPUs: by AMD's library where it can be loaded, else by its commands, else by the driver.

See ``library``, ``command`` and ``hwmon`` for the channels. A card that the tool does not list or
cannot read is read by the driver's power file. Nothing of AMD's is touched on a machine that has
no GPU of AMD on its bus.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from effmeter.channel import Refusal
from effmeter.clock import Clock
from effmeter.probes.amd.listing import hides_some, list_devices
from effmeter.probes.amd.pci import AmdPciGpu, amd_gpus
from effmeter.probes.amd.refusals import hidden, not_installed, part_of_processor
from effmeter.probes.base import Discovery, Probe

if TYPE_CHECKING:
    from effmeter.probes.amd.boards import Judgement
    from effmeter.probes.amd.command import AmdCommandProbe
    from effmeter.probes.amd.library import AmdLibraryProbe

    Tool = AmdLibraryProbe | AmdCommandProbe


def find(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The GPUs that a tool of AMD's or the driver reads, and refusals of the others on the bus.

    Empty on a machine without a GPU of AMD.
    """
    gpus = amd_gpus(sysfs)
    cards = [gpu for gpu in gpus if not gpu.is_integrated]
    if gpus and not cards:
        return Discovery((), (part_of_processor(gpus[0].address),))
    return _of_cards(sysfs, environ, clock, cards) if cards else Discovery()


# Modules that only machines with a card of AMD's need are imported where they are used.


def _of_cards(
    sysfs: Path, environ: Mapping[str, str], clock: Clock, cards: Sequence[AmdPciGpu]
) -> Discovery:
    from effmeter.probes.amd import hwmon
    from effmeter.probes.amd.boards import Judgement

    tool, complaints = _by_tool(sysfs, environ, clock, cards)
    by_tool = tool.judgement if tool is not None else Judgement((), ())
    unsettled = _unsettled(cards, by_tool)
    outside = _outside(sysfs, unsettled)
    inside = [card for card in unsettled if card not in outside]
    by_driver, rest = hwmon.find(sysfs, inside, clock)
    found: tuple[Probe | None, ...] = (tool, by_driver)
    probes = tuple(probe for probe in found if probe is not None and probe.channels)
    refusals = (*complaints, *_refusals(by_tool, rest, bool(probes)))
    refusals += tuple(hidden(card.address) for card in outside)
    if rest.read:  # what remains unread has a refusal of its own
        refusals = tuple(
            replace(refusal, leaves_unread="") if refusal in complaints else refusal
            for refusal in refusals
        )
    return Discovery(probes, refusals)


def _by_tool(
    sysfs: Path, environ: Mapping[str, str], clock: Clock, cards: Sequence[AmdPciGpu]
) -> tuple["Tool | None", tuple[Refusal, ...]]:
    """The probe of a tool that lists GPUs; else what each of the tools complains of."""
    from effmeter.probes.amd import command, library

    complaints: tuple[Refusal, ...] = ()
    by_library: Tool | None = None
    missing = ""
    try:
        loaded = library.load()
    except ImportError as error:
        addresses = ", ".join(card.address for card in cards)
        missing = f"there is an AMD GPU ({addresses}), and none of AMD's tools ({error})"
    else:
        by_library, complaints = library.find(loaded, sysfs, clock)
        if by_library is not None and by_library.channels:
            return by_library, ()
    by_command, others = command.find(sysfs, environ, clock)
    if by_command is not None and by_command.channels:
        return by_command, ()
    if missing and by_command is None and not others:
        return None, (not_installed(missing),)
    return by_library or by_command, (*complaints, *others)


def _unsettled(cards: Iterable[AmdPciGpu], by_tool: "Judgement") -> list[AmdPciGpu]:
    """The cards that a tool does not read; none where the tool does not tell which it lists."""
    listed = (*by_tool.read, *(gpu for gpu, _ in by_tool.refusals))
    if not all(gpu.address for gpu in listed):
        return []
    return [card for card in cards if card.address not in by_tool.settled]


def _outside(sysfs: Path, cards: Sequence[AmdPciGpu]) -> list[AmdPciGpu]:
    """The cards that the kernel hides from this cgroup: others use them, and sysfs shows them."""
    seen = {name for device in list_devices(sysfs) for name in device.ids}
    return [card for card in cards if hides_some(sysfs) and card.address not in seen]


def _refusals(by_tool: "Judgement", rest: "Judgement", is_read: bool) -> Iterable[Refusal]:
    """The refusals of single GPUs: the tool's, and the driver's of those that no tool lists."""
    by_driver = {gpu.address for gpu in rest.read}
    refused = {gpu.address for gpu, _ in by_tool.refusals}
    for gpu, refusal in by_tool.refusals:
        if gpu.address not in by_driver:
            yield refusal
    for gpu, refusal in rest.refusals:
        # Where nothing is read at all, the refusals of the tools name what to do.
        if gpu.address not in refused and (is_read or not refusal.present):
            yield refusal
