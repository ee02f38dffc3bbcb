"""The channels that describe the meters of a log.

A log seldom says what its meter can do. A reading is taken as the average since the reading before
it, unless the averaging time is stated; a gain error that is not stated is unknown, never zero.
"""

from dataclasses import dataclass

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.importers.survey import MeterSurvey

STATED_POWER_FACTOR = 2.0
"""The truth of a power that is stated and not measured lies within the figure divided and
multiplied by this: an assumption."""


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """What the user states of the meters, or their log does."""

    component: Component = Component.WALL
    accuracy_fraction: float | None = None
    """The stated gain error; None: unknown."""
    window_s: float | None = None
    """How long a reading averages over; None: since the reading before it."""


def meter_channel(
    name: str,
    kind: Kind,
    seen: MeterSurvey,
    unit_size: float,
    facts: MeterFacts,
    *,
    source: str,
    is_feed: bool = False,
) -> Channel:
    """The channel of a meter whose log states power or energy in units of ``unit_size`` W or J."""
    window_s = facts.window_s
    if kind is Kind.COUNTER:
        window_s = 0.0
    elif window_s is None:
        window_s = seen.spacing_s
    resolution = unit_size * 10.0**-seen.decimals
    return Channel(
        name=name,
        component=facts.component,
        kind=kind,
        provenance=Provenance.MEASURED,
        source=source,
        refresh_s=seen.spacing_s,
        device=f"meter {name}",
        scope="as its log says",
        unit_j=resolution if kind is Kind.COUNTER else 1.0,
        resolution=resolution,
        window_s=window_s,
        gain_error_fraction=facts.accuracy_fraction or 0.0,
        is_gain_unknown=facts.accuracy_fraction is None,
        lag_s=window_s / 2 if kind is Kind.GAUGE else None,
        is_feed=is_feed and facts.component is Component.WALL,
    )


def stated_channel(name: str, source: str, period_s: float) -> Channel:
    """The channel of a constant power that somebody states: an estimate."""
    return Channel(
        name=name,
        component=Component.WALL,
        kind=Kind.GAUGE,
        provenance=Provenance.ESTIMATED,
        source=source,
        refresh_s=period_s,
        device=f"meter {name}",
        scope="a stated power, not measured",
        window_s=period_s,
        lag_s=period_s / 2,
        estimate_factor=STATED_POWER_FACTOR,
    )
