"""The power of an idle machine, and the energy of a run net of it.

Net energy is gross energy less idle power times the time awake. Its interval adds those of both:
``[gross low - idle high, gross high - idle low]``. The systematic errors of a sensor and the factor
of an estimate are the same both times, so they cancel as far as the energies and durations do.
Assumption: the idle power during the run is that of the baseline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from effmeter.channel import Channel
from effmeter.energy import Energy, total
from effmeter.energy.source import energy_by_source
from effmeter.errors import MeasurementError
from effmeter.recorded.breakdown import Breakdown, ComponentEnergy
from effmeter.recorded.run import RecordedRun

REMEDY = "run effmeter idle on that machine while nothing else runs"


@dataclass(frozen=True, slots=True)
class IdlePower:
    """The mean power of one channel on the idle machine (W), with its interval."""

    device: str
    power_w: float
    low_w: float
    high_w: float
    systematic_w: float
    calibrated: str = ""
    """The date of the calibration by which it was measured; empty: there was none."""

    def over(self, duration_s: float, channel: Channel, host: str) -> Energy:
        """The energy that a channel of a host draws at this power."""
        # The interval that was kept includes the factor of an estimate, as the energy's will.
        factor = channel.estimate_factor
        ends_w = (self.low_w * factor, self.high_w / factor)
        return energy_by_source(channel, 1.0, self.power_w, *ends_w, host) * duration_s


@dataclass(frozen=True, slots=True)
class IdleBaseline:
    """The idle power of one host, by channel."""

    host: str
    date: str
    """The time of the measurement, ISO 8601 in UTC."""
    duration_s: float
    channels: Mapping[str, IdlePower]
    warnings: tuple[str, ...] = ()
    """Signs that the machine was not idle."""

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> "IdleBaseline":
        """The baseline that ``as_mapping`` described; ValueError where it is none."""
        try:
            channels = {name: IdlePower(**power) for name, power in described["channels"].items()}
            warnings = tuple(described["warnings"])
            return cls(**{**described, "channels": channels, "warnings": warnings})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not an idle baseline") from error

    def as_mapping(self) -> dict[str, Any]:
        """The baseline in plain types, as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NetEnergy:
    """A run's energy less that of the idle machine, over the same cover as its gross energy."""

    components: tuple[ComponentEnergy, ...]
    total: Energy
    baseline: IdleBaseline


def measure_idle(
    run: RecordedRun, begin_ns: int, end_ns: int, host: str, date: str, warnings: Sequence[str]
) -> IdleBaseline:
    """The idle power in a window of a run; MeasurementError where nothing was read in it."""
    whole = run.breakdown(begin_ns, end_ns)
    if whole.total is None:
        raise MeasurementError("no channel of this machine gives an energy: see effmeter doctor")
    duration_s = (end_ns - begin_ns) * 1e-9
    channels = {
        seen.channel.name: _power(seen.channel, seen.energy, seen.counted_s or duration_s)
        for seen in whole.channels
        if seen.energy is not None
    }
    return IdleBaseline(host, date, duration_s, channels, tuple(warnings))


def _power(channel: Channel, energy: Energy, duration_s: float) -> IdlePower:
    power = energy / duration_s
    ends_w = (power.low_j, power.high_j, power.systematic_j)
    return IdlePower(channel.device, power.value_j, *ends_w, _calibrated(channel))


def _calibrated(channel: Channel) -> str:
    return "" if channel.calibration is None else channel.calibration.date


def net_energy(run: RecordedRun, whole: Breakdown, baseline: IdleBaseline) -> NetEnergy | None:
    """The net energy of a run; None where it has no gross energy.

    Raises MeasurementError where the baseline is of another host, or lacks a channel of the
    run's total.
    """
    baseline_of(run, {baseline.host: baseline})
    asleep_s = sum(suspend.asleep_s for suspend in run.suspends)
    awake_s = max(0.0, (whole.end_ns - whole.begin_ns) * 1e-9 - asleep_s)
    window_s = max((whole.end_ns - whole.begin_ns) * 1e-9, 1e-9)
    counted = {seen.channel.name: seen.counted_s / window_s for seen in whole.channels}
    components = tuple(
        ComponentEnergy(
            part.component,
            part.energy - _idle_energy(run, part.channels, baseline, awake_s, counted),
            part.channels,
        )
        for part in whole.components
    )
    summed = total(part.energy for part in components)
    return None if summed is None else NetEnergy(components, summed, baseline)


def baseline_of(run: RecordedRun, baselines: Mapping[str, IdleBaseline]) -> IdleBaseline:
    """The baseline of a run's host; MeasurementError where there is none."""
    if run.is_joint:
        hosts = ", ".join(run.host_names)
        raise MeasurementError(f"{run.name} was recorded on {hosts}: --net takes runs of one host")
    host = str(run.metadata.host.get("name"))
    if host not in baselines:
        known = ", ".join(sorted(baselines))
        raise MeasurementError(
            f"{run.paths[0]} was recorded on {host}, the idle baselines on {known}: {REMEDY}"
        )
    return baselines[host]


def _idle_energy(
    run: RecordedRun,
    channels: Sequence[Channel],
    baseline: IdleBaseline,
    awake_s: float,
    counted: Mapping[str, float],
) -> Energy:
    """The energy of the idle machine while the channels counted: fractions of the window."""
    summed = total(
        idle_energy(run, channel, baseline, awake_s * counted[channel.name]) for channel in channels
    )
    assert summed is not None, "a component has a channel"
    return summed


def idle_energy(
    run: RecordedRun, channel: Channel, baseline: IdleBaseline, duration_s: float
) -> Energy:
    """What a channel of the idle machine shows in a time; MeasurementError as ``net_energy``."""
    known = baseline.channels.get(channel.name)
    if known is None or known.device != channel.device:
        lacks = "has no" if known is None else "is of another"
        raise MeasurementError(
            f"{run.paths[0]} counts {channel.name}, but the idle baseline of {baseline.date} "
            f"{lacks} {channel.name}: {REMEDY}"
        )
    if known.calibrated != _calibrated(channel):
        raise MeasurementError(
            f"{run.paths[0]} and the idle baseline of {baseline.date} have different "
            f"calibrations of {channel.name}: {REMEDY}"
        )
    return known.over(duration_s, channel, baseline.host)
