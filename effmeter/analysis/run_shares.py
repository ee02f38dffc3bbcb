"""The shares of a run: its own programs' part of the machine's energy, and whose the rest is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effmeter.analysis.idle import REMEDY, IdleBaseline, idle_energy
from effmeter.analysis.shares import (
    DEFAULT_POWER_RATIO,
    Holder,
    Share,
    Stretch,
    attributed,
    unattributed,
)
from effmeter.channel import Channel, Component
from effmeter.energy import Energy, total
from effmeter.errors import MeasurementError
from effmeter.recorded.breakdown import Breakdown, ChannelEnergy
from effmeter.recorded.run import RecordedRun
from effmeter.recorded.work import (
    MOST_PROCESSORS,
    NO_TIME,
    DeviceWork,
    UsedTime,
    WorkRows,
    WorkSlice,
    device_work,
    work_rows,
    worked_channels,
)

NO_RULE = "no rule divides it"
NOT_BY_PROCESS = "its driver does not tell how much each process uses it"
NOT_KNOWN_THERE = "the processes of the run are not known to the recorder"
_MOST_SLICES = 1000
_SEARCHED_STRETCHES = 20
_SHORTEST_SEARCHED_S = 1.0


@dataclass(frozen=True, slots=True)
class DeviceShares:
    """The shares of the energy of one device, or of the processors together."""

    name: str
    """``cpu`` or another component; the channel of a GPU."""
    energy: Energy
    shares: Mapping[Holder, Share]
    unknown: str | None
    """Why nothing of it is attributed to programs."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of a run's total, which sum to it."""

    shares: Mapping[Holder, Share]
    devices: tuple[DeviceShares, ...]
    power_ratio: float
    idle_date: str | None
    """When the idle power was measured; None: it is unknown, and programs' shares hold theirs."""
    no_idle: str | None
    """Why the idle power is unknown."""
    cautions: tuple[str, ...] = ()


def shares_of(
    run: RecordedRun,
    baseline: IdleBaseline | None = None,
    power_ratio: float = DEFAULT_POWER_RATIO,
) -> Shares | None:
    """The shares of a run's energy; None where it has no total, or its file states no work.

    ``power_ratio``: by which factor at most the power per use of two programs differs.
    """
    breakdown = run.breakdown()
    rows = work_rows(run.recording.events)
    if breakdown.total is None or not rows:
        return None
    division = _Division(run, breakdown, rows, power_ratio, *_idle_of(run, breakdown, baseline))
    devices = tuple(division.devices(worked_channels(rows)))
    return Shares(
        _summed([device.shares for device in devices]),
        devices,
        power_ratio,
        None if division.baseline is None else division.baseline.date,
        division.no_idle,
        tuple(_cautions(run)),
    )


@dataclass(frozen=True, slots=True)
class _Division:
    """What the division of one run among programs needs."""

    run: RecordedRun
    breakdown: Breakdown
    rows: WorkRows
    power_ratio: float
    baseline: IdleBaseline | None
    no_idle: str | None

    def devices(self, gpus: frozenset[str]) -> Sequence[DeviceShares]:
        """The processors and each GPU, then the components that no rule attributes."""
        counted = [seen for seen in self.breakdown.channels if seen.counted_s and seen.energy]
        found = []
        for component in dict.fromkeys(seen.channel.component for seen in counted):
            members = [seen for seen in counted if seen.channel.component is component]
            if component is Component.CPU:
                found.append(self._device(component, members, self._work(None)))
            elif component is Component.GPU:
                for seen in members:
                    worked = _work_channel(self.run, seen.channel, gpus)
                    work = self._work(worked) if worked else DeviceWork(unknown=NOT_BY_PROCESS)
                    found.append(self._device(seen.channel.name, [seen], work))
            else:
                found.append(self._device(component, members, DeviceWork(unknown=NO_RULE)))
        return found

    def _work(self, channel: str | None) -> DeviceWork:
        window_ns = (self.breakdown.begin_ns, self.breakdown.end_ns)
        capacity = _processors(self.run) if channel is None else 1.0
        work = device_work(self.rows, channel, *window_ns, capacity)
        own = {source.id for source in self.run.programs}
        whole = work.whole
        if whole is not None and not own & whole.programs.keys():
            return DeviceWork(unknown=NOT_KNOWN_THERE)
        return work

    def _device(
        self, name: str, members: Sequence[ChannelEnergy], work: DeviceWork
    ) -> DeviceShares:
        energy = total(seen.energy for seen in members if seen.energy is not None)
        assert energy is not None, "a device has a channel with an energy"
        channels = [(seen.channel, seen.counted_s) for seen in members]
        window_s = (self.breakdown.end_ns - self.breakdown.begin_ns) * 1e-9
        awake_s = self._awake_s(self.breakdown.begin_ns, self.breakdown.end_ns)
        awake = awake_s / window_s if window_s > 0 else 1.0
        counted = [(channel, awake * counted_s) for channel, counted_s in channels]
        whole = self._stretch(energy, counted, work.whole)
        if work.whole is None:
            return DeviceShares(name, energy, unattributed(whole), work.unknown)
        slices = self._slices(channels, work)
        return DeviceShares(name, energy, attributed(whole, slices, self.power_ratio), None)

    def _slices(self, channels: Sequence[tuple[Channel, float]], work: DeviceWork) -> list[Stretch]:
        """The stretches of a device; none where the energy of one is unknown."""
        if not 1 < len(work.slices) <= _MOST_SLICES:
            return []
        found = []
        for each in work.slices:
            window_ns = (each.begin_ns, each.end_ns)
            energies = [self.run.channel_energy(c.name, *window_ns) for c, _ in channels]
            energy = total(e for e in energies if e is not None)
            if energy is None or None in energies:
                return []
            awake_s = self._awake_s(*window_ns)
            found.append(self._stretch(energy, [(c, awake_s) for c, _ in channels], each))
        return found

    def _stretch(
        self,
        energy: Energy,
        channels: Sequence[tuple[Channel, float]],
        work: WorkSlice | None,
    ) -> Stretch:
        idle, most_idle_j = None, 0.0
        if self.baseline is not None:
            idle = total(idle_energy(self.run, c, self.baseline, s) for c, s in channels)
        else:
            most_idle_j = sum(self._most_idle_w(channel) * s for channel, s in channels)
        if work is None:
            return Stretch(energy, idle, most_idle_j, {}, NO_TIME)
        return Stretch(energy, idle, most_idle_j, self._used(work), work.everything)

    def _awake_s(self, begin_ns: int, end_ns: int) -> float:
        """How long the machine was awake in a window: asleep, it does not draw idle power."""
        slept = (s for s in self.run.suspends if s.begin_ns < end_ns and s.end_ns > begin_ns)
        return max(0.0, (end_ns - begin_ns) * 1e-9 - sum(s.asleep_s for s in slept))

    def _used(self, work: WorkSlice) -> dict[Holder, UsedTime]:
        own_ids = {source.id for source in self.run.programs}
        own = recorded = NO_TIME
        for source, used in work.programs.items():
            own = own + used if source in own_ids else own
            recorded = recorded if source in own_ids else recorded + used
        everything = work.everything
        others = UsedTime(
            max(0.0, everything.value_s - own.value_s - recorded.value_s),
            max(0.0, everything.low_s - own.high_s - recorded.high_s),
            max(0.0, everything.high_s - own.low_s - recorded.low_s),
        )
        return {Holder.RUN: own, Holder.RECORDED: recorded, Holder.OTHERS: others}

    def _most_idle_w(self, channel: Channel) -> float:
        """The least power that the device showed: an idle one draws no more."""
        begin_ns, end_ns = self.breakdown.begin_ns, self.breakdown.end_ns
        duration_s = (end_ns - begin_ns) * 1e-9
        count = min(_SEARCHED_STRETCHES, int(duration_s / _SHORTEST_SEARCHED_S))
        count = max(1, count)
        moments_ns = [begin_ns + (end_ns - begin_ns) * k // count for k in range(count + 1)]
        powers_w = []
        for k in range(count):
            energy = self.run.channel_energy(channel.name, moments_ns[k], moments_ns[k + 1])
            if energy is not None and duration_s > 0:
                powers_w.append(energy.high_j / (duration_s / count))
        return max(0.0, min(powers_w, default=0.0))


def _idle_of(
    run: RecordedRun, breakdown: Breakdown, baseline: IdleBaseline | None
) -> tuple[IdleBaseline | None, str | None]:
    """The baseline, where it fits every channel that counts; else why there is none."""
    if baseline is None:
        return None, REMEDY
    try:
        for seen in breakdown.channels:
            if seen.counted_s and seen.energy is not None:
                idle_energy(run, seen.channel, baseline, seen.counted_s)
    except MeasurementError as error:
        return None, str(error)
    return baseline, None


def _processors(run: RecordedRun) -> float:
    stated = run.metadata.host.get("logical_cpus")
    if isinstance(stated, int) and 0 < stated <= MOST_PROCESSORS:
        return float(stated)
    return MOST_PROCESSORS


def _work_channel(run: RecordedRun, channel: Channel, gpus: frozenset[str]) -> str | None:
    """The channel under which the use of a GPU is recorded: of the same device."""
    devices = {name: run.channels[name].device for name in gpus if name in run.channels}
    own = channel.name if channel.name in gpus else None
    return own or next((n for n, d in devices.items() if d and d == channel.device), None)


def _cautions(run: RecordedRun) -> Sequence[str]:
    """Runs in the same processes count what these processes do for each of them."""
    own = {(source.id, source.root) for source in run.programs}
    ids = {source.id for source in run.programs}
    beside = [
        source
        for source in run.recording.sources
        if source.id in ids and (source.id, source.root) not in own
    ]
    if not beside or not run.is_inner:
        return ()
    return (
        "another run of the recording was in the same process: what the process used counts for "
        "both",
    )


def _summed(devices: Sequence[Mapping[Holder, Share]]) -> dict[Holder, Share]:
    summed: dict[Holder, Share] = {}
    for holder in Holder:
        for shares in devices:
            if holder in shares:
                before = summed.get(holder)
                summed[holder] = shares[holder] if before is None else before + shares[holder]
    return summed
