"""The words that a sensor's channel is described with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from effmeter.errors import NotARunError


class Kind(StrEnum):
    """Whether a channel counts energy or shows power."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Provenance(StrEnum):
    """How a channel comes by its figure."""

    MEASURED = "measured"
    DERIVED = "derived"
    ESTIMATED = "estimated"


class Component(StrEnum):
    """The part of the machine that a channel covers."""

    GPU = "gpu"
    CPU = "cpu"
    RAM = "ram"
    SOC = "soc"
    BOARD = "board"


@dataclass(frozen=True, slots=True)
class Channel:
    """One physical quantity of one device, with all that its arithmetic needs.

    A counter's raw value is a whole number of units of ``unit_j`` joules and starts again from
    zero at ``modulus`` units (null: it never does); a gauge shows watts.
    """

    name: str
    component: Component
    kind: Kind
    provenance: Provenance
    source: str
    """Where the reading comes from: a file, a library's function."""
    refresh_s: float
    """Longest time between two updates of the sensor."""
    device: str = ""
    """What identifies the device: model, UUID, PCI address."""
    scope: str = ""
    """What the figure takes in, in words, where the component alone does not say it."""
    contained_in: str | None = None
    """The channel whose figure already includes this one."""
    unit_j: float = 1.0
    modulus: int | None = None
    resolution: float = 0.0
    """The smallest step shown: joules of a counter, watts of a gauge."""
    window_s: float = 0.0
    """How long a gauge averages over; 0: it shows the moment."""
    gain_error_fraction: float = 0.0
    """The sensor's stated proportional error, kept apart from the interval as systematic."""
    estimate_factor: float = 1.0
    """An estimate's truth lies within the figure divided and multiplied by this."""
    max_power_w: float | None = None
    """More than the device can draw; bounds the steps of its counter."""
    call_cost_s: float = 0.0
    """What one reading costs, where it is known to matter."""

    def to_json(self) -> str:
        """The description as it stands in the file: what is left at its default is left out."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps({k: v for k, v in given.items() if v != _CHANNEL_DEFAULTS.get(k, _UNSET)})

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The channel that a mapping describes; names it does not know are passed over."""
        known = {k: v for k, v in described.items() if k in _CHANNEL_FIELDS}
        try:
            known["component"] = Component(known["component"])
            known["kind"] = Kind(known["kind"])
            known["provenance"] = Provenance(known["provenance"])
            return cls(**known)
        except (KeyError, TypeError, ValueError) as error:
            raise NotARunError(f"a channel's description cannot be read: {error}") from error


_UNSET = object()
_CHANNEL_FIELDS = frozenset(f.name for f in fields(Channel))
_CHANNEL_DEFAULTS = {f.name: f.default for f in fields(Channel)}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sensor that is there, or should be, and cannot be read; with what would lift that."""

    source: str
    component: Component
    reason: str
    remedy: str = ""
    present: bool = True
    """Whether the machine has the component, as far as can be told without the sensor."""
    leaves_unread: str = ""
    """The part of the machine that no other sensor of the family reads, so that a total over
    its component is partial: the channel it would have been (``cpu1``), or words. Empty where
    the refusal is of the whole component, or where something else reads the same."""
