"""What the files in ``/sys/cray/pm_counters`` measure, and in which totals they may stand.

The processors, the memory and the accelerators of a node have other sensors too, of which these
know nothing: an accelerator's number need not be that of the GPU's vendor. What another family
reads is therefore never added: ``cray-cpu`` and ``cray-memory`` name the channel of the other
family as what contains them, and accelerators stand apart as boards.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.base import Discovery
from effmeter.probes.sysfs import read_text

ENERGY = re.compile(rb"\s*([0-9]{1,19}) J(?: [0-9]{1,20} us)?\s*")
"""``12044825101 J 7810213855886 us``; older versions show no time stamp."""
GAIN_ERROR_FRACTION = 0.05
"""HPE states none for a node: as much is assumed as for cards."""
OFFSET_ERROR_W = 5.0
NOISE_FRACTION = 0.01
_USUAL_HZ = 10.0
_LEAST_W = {Component.WALL: 20.0, Component.CPU: 5.0}
_FILE = re.compile(r"(?:(cpu|accel)(\d*)_|(memory)_)?energy")
_NODE_SCOPE = "the compute node, without the rectifiers and switches of its cabinet"


@dataclass(frozen=True, slots=True)
class _Part:
    """What a file measures."""

    path: Path
    kind: str
    """``cpu``, ``accel``, ``memory``; empty: the node."""
    number: str
    """Empty: all of its kind together."""

    @property
    def name(self) -> str:
        """The name of its channel."""
        return f"cray-{self.kind or 'node'}{self.number}"


def counter_channels(
    folder: Path, found: Discovery, late_gpu: str | None = None
) -> list[tuple[Channel, Path]]:
    """The counters that exist, each with its file.

    Args:
        folder: Where the files are.
        found: What the other families read.
        late_gpu: The first channel of GPUs whose driver may be loaded later.
    """
    parts = [part for part in _parts(folder) if not _shows_nothing(part.path)]
    names = {part.name for part in parts}
    refresh_s = _refresh_s(folder)
    return [
        (_channel(part, refresh_s, *_place(part, names, found, late_gpu)), part.path)
        for part in parts
        # The sum of the accelerators repeats them.
        if part.name != "cray-accel" or "cray-accel0" not in names
    ]


def _parts(folder: Path) -> Iterator[_Part]:
    for path in sorted(folder.glob("*energy")):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            yield _Part(path, match[1] or match[3] or "", match[2] or "")


def _shows_nothing(path: Path) -> bool:
    """Whether there is no sensor: nothing was counted since the node was started."""
    match = ENERGY.fullmatch((read_text(path) or "").encode())
    return match is not None and int(match[1]) == 0


def _place(
    part: _Part, names: Collection[str], found: Discovery, late_gpu: str | None
) -> tuple[Component, str | None, str]:
    """Component, container and device, so that no joule counts twice."""
    if part.kind == "cpu":
        return _cpu_place(part, names, found)
    if part.kind == "memory":
        return _memory_place(found)
    if part.kind == "accel":
        # On a node of superchips an accelerator's figure may take in its processor.
        apart = _has(found, Component.GPU, Component.SOC) or "cray-cpu0" in names
        device = f"accelerator {part.number}"
        return (Component.BOARD, None, device) if apart else (Component.GPU, late_gpu, device)
    return Component.WALL, None, ""


def _cpu_place(
    part: _Part, names: Collection[str], found: Discovery
) -> tuple[Component, str | None, str]:
    device = f"processor {part.number}" if part.number else "all processors"
    if part.number and "cray-cpu" in names:
        return Component.CPU, "cray-cpu", device
    own = f"cpu{part.number or 0}"
    rivals = [c for c in found.channels if c.component is Component.CPU and _is_package(c)]
    if len(rivals) == 1 and not part.number:
        return Component.CPU, rivals[0].name, rivals[0].device  # stands in for it
    named = (c for c in rivals if c.name.startswith(own))
    return Component.CPU, next(named, rivals[0]).name if rivals else own, device


def _memory_place(found: Discovery) -> tuple[Component, str | None, str]:
    rivals = [c.name for c in found.channels if c.component is Component.RAM]
    if Component.RAM in found.covered and not rivals:
        return Component.BOARD, None, "all memory"
    return Component.RAM, rivals[0] if rivals else "dram0", "all memory"


def _is_package(channel: Channel) -> bool:
    """Whether a processor's channel is of a whole package."""
    outer = channel.contained_in or ""
    return re.match(r"cpu\d+", outer) is None


def _has(found: Discovery, *components: Component) -> bool:
    return any(channel.component in components for channel in found.channels)


def _channel(
    part: _Part, refresh_s: float, component: Component, outer: str | None, device: str
) -> Channel:
    return Channel(
        name=part.name,
        component=component,
        kind=Kind.COUNTER,
        provenance=Provenance.MEASURED,
        source=str(part.path),
        refresh_s=refresh_s,
        device=device or "the compute node",
        scope=_scope(part, component),
        contained_in=outer,
        resolution=1.0,
        gain_error_fraction=GAIN_ERROR_FRACTION,
        offset_error_w=OFFSET_ERROR_W,
        noise_fraction=NOISE_FRACTION,
        least_power_w=_LEAST_W.get(component, 0.0),
    )


def _scope(part: _Part, component: Component) -> str:
    if component is Component.WALL:
        return _NODE_SCOPE
    what = {"cpu": "the node's processors", "memory": "the node's memory"}
    named = what.get(part.kind, "the accelerator's module")
    apart = "; stands apart, because the channels of its vendor are counted"
    return f"{named} by the node's meter{apart if component is Component.BOARD else ''}"


def _refresh_s(folder: Path) -> float:
    """The period of the node's controller, 0.1 s by default."""
    try:
        scan_hz = float(read_text(folder / "raw_scan_hz") or _USUAL_HZ)
    except ValueError:
        scan_hz = _USUAL_HZ
    return 1 / scan_hz if 0.1 <= scan_hz <= 1000 else 1 / _USUAL_HZ
