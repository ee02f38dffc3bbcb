"""What a probe is: code that reads one family of sensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol, runtime_checkable

from effmeter.channel import Channel, Component, Condition, Refusal

LIMIT_HEADROOM = 2.0
"""A stated power limit holds on average over its window, and as the sensor sees it: a channel's
``max_power_w`` is this many times the limit, so that a brief peak is never taken for a fault."""


class Failure(NamedTuple):
    """A channel could not be read, and why. Never a zero in its place."""

    reason: str


class Reading(NamedTuple):
    """One value of one channel, read between two looks at the run clock.

    A counter's value is its raw count (``Channel.unit_j`` joules each), a gauge's is watts.
    """

    channel: str
    begin_ns: int
    end_ns: int
    value: int | float | Failure


class Boundary(IntEnum):
    """What an extra reading is taken for; a later one asks for more."""

    MARK = 1
    BEGIN = 2
    """The beginning of a recording."""
    END = 3
    """The end of a recording: no reading follows."""


class Probe(Protocol):
    """Reads one family of sensors.

    ``channels`` may grow while the probe is in use; a reading names a channel listed there.
    """

    name: str
    channels: tuple[Channel, ...]
    period_s: float
    """The shortest period at which reading again can tell anything new."""

    def read(self) -> Sequence[Reading]:
        """The readings that are due, back to back: as a rule one of every channel.

        Failures are readings too. A channel whose values the driver keeps and stamps gives all of
        them since the last call, each with its own earlier moment.
        """

    def close(self) -> None:
        """Let go of descriptors and handles."""


@runtime_checkable
class CoarseCounters(Protocol):
    """A probe whose counters change so rarely that a boundary is told by when they changed."""

    is_coarse: bool
    """Whether there is such a counter, worth being read every ``period_s`` near a boundary."""

    def read_closely(self) -> Sequence[Reading]:
        """One reading of the counters alone; they stand among the channels of ``read``."""


def coarse_counters(probe: Probe) -> CoarseCounters | None:
    """The probe as one to be read closely, if it has such a counter."""
    return probe if isinstance(probe, CoarseCounters) and probe.is_coarse else None


@runtime_checkable
class BoundaryReader(Protocol):
    """A probe that takes other readings at a boundary than on schedule."""

    settles_s: float
    """How long after a moment its readings can show what the power then was."""

    def read_at(self, boundary: Boundary) -> Sequence[Reading]:
        """The readings that are worth their cost at a boundary that has just come."""


@runtime_checkable
class SharedDevices(Protocol):
    """A probe whose devices tell which processes use them."""

    def users(self) -> Mapping[str, tuple[int, ...] | Failure]:
        """The processes on each device, by the channel that stands for it.

        Called from another thread than ``read``.
        """


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device as one program sees it: in its cgroup, its container, by its own driver."""

    ids: tuple[str, ...]
    """Whatever identifies it beyond a number: UUID, PCI address. The first names it; empty where
    the device does not answer."""
    name: str = ""
    parts: tuple[str, ...] | None = None
    """Its MIG instances or tiles; None: it is not divided."""
    place_is_assumed: bool = False
    """Whether its place in the list need not be the number that programs give it."""

    @property
    def id(self) -> str:
        """The identity that names it in texts."""
        return self.ids[0]

    def is_of(self, channel: Channel) -> bool:
        """Whether a channel describes this device."""
        return not {*self.ids}.isdisjoint(channel.device.split())


Listed = tuple[ListedDevice, ...] | Failure
"""The devices of one family in the order in which a program numbers them; or why it is unknown."""
DeviceListing = Mapping[str, Listed]
"""By the name of the family, as ``nvidia``."""


class Caution(NamedTuple):
    """What a reader of a program's figures must know about its devices."""

    text: str
    """A sentence; of a device, what follows its name."""
    device: ListedDevice | None = None


class Usable(NamedTuple):
    """The devices of one family that a program may use."""

    devices: tuple[ListedDevice, ...] | None
    """None: the restriction cannot be resolved, so any of those listed."""
    reason: str = ""
    """Why it cannot be resolved."""
    cautions: tuple[Caution, ...] = ()
    """Devices that are shared, assumptions."""


class DeviceMemory(NamedTuple):
    """How much of a device's own memory is in use (bytes)."""

    used_bytes: int | Failure
    """By everything together."""
    by_process: Mapping[int, int | None] | Failure
    """None: of this process the driver does not tell it."""


@runtime_checkable
class MemoryDevices(Protocol):
    """A probe whose devices tell how much of their memory is in use, and by which processes."""

    def memory(self) -> Mapping[str, DeviceMemory]:
        """The memory of each device, by the channel that stands for it.

        Called from another thread than ``read``.
        """


@runtime_checkable
class UsedDevices(Protocol):
    """A probe whose devices tell how much each process uses them."""

    def use_by_process(self, since_s: float) -> Mapping[str, Mapping[int, float] | Failure]:
        """How much each process used each device in the last ``since_s`` seconds.

        By the channel that stands for the device and by process: the part of the time in which
        the process kept the device busy. A process without use is left out. Called from another
        thread than ``read``.
        """


class Conditions(NamedTuple):
    """What bears on one device's power and speed at a moment; what is unknown is left out."""

    values: Mapping[Condition, float | str]
    """All but throttling."""
    throttled: Mapping[str, float] = {}
    """By reason, the part of the time since the last look in which it held the clock down."""


@runtime_checkable
class ConditionedDevices(Protocol):
    """Shows the conditions of devices: a probe, or a source beside the probes."""

    def conditions(self) -> Mapping[str, Conditions]:
        """The conditions of each device that is awake, by the channel that stands for it, or
        ``PROCESSORS``. Cheap calls alone.

        Called from another thread than ``read``.
        """


@dataclass(frozen=True, slots=True)
class Discovery:
    """The probes that can be used on this machine, and the sensors that refused."""

    probes: tuple[Probe, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    covered: frozenset[Component] = frozenset()
    """Components of which the probes read every device, so that what other families refuse of
    them leaves nothing unread."""
    devices: DeviceListing = field(default_factory=dict)
    """The devices that can be hidden from a program, as the process that searched sees them."""
    conditions: tuple[ConditionedDevices, ...] = ()
    """Sources of conditions that are no probes."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels of all probes."""
        return tuple(channel for probe in self.probes for channel in probe.channels)

    @property
    def names(self) -> frozenset[str]:
        """The names of all channels."""
        return frozenset(channel.name for channel in self.channels)
