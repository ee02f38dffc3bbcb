"""From a log to run files: one for each host, in two passes, with memory that does not grow.

The first pass finds hosts and meters, the second writes. The files of several hosts are those of
one job: each has the epochs, one of them the metrics.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.channel import Channel, Component, Kind
from effmeter.errors import LogError, UsageError
from effmeter.importers.host_file import HostFile
from effmeter.importers.log import Log, StatedPower
from effmeter.importers.marks import Marks
from effmeter.importers.meters import MeterFacts, meter_channel, stated_channel
from effmeter.importers.shown import Shown, is_interval_energy
from effmeter.importers.survey import MeterSurvey, Survey, survey_of
from effmeter.runfile.format import Event, Label, Metadata, MetricMode, NoteName
from effmeter.runfile.row import EventRow
from effmeter.status import Status

IMPORTED = "import"
"""The launcher of the job that the files of several hosts name."""
STATED = "stated"
"""The channel of a power that is not measured."""
_MOST_STATED_READINGS = 1000
_FLUSH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user states about a log."""

    facts: MeterFacts = field(default_factory=MeterFacts)
    labels: Mapping[str, Label] = field(default_factory=dict)
    metric_modes: Mapping[str, str] = field(default_factory=dict)
    """By metric, a ``MetricMode``."""
    has_feeds: bool = False
    """Several wall meters of a host measure feeds of it, which add up."""
    stated: tuple[StatedPower, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """One run file that was written."""

    path: Path
    host: str
    meters: tuple[str, ...]
    """Its channels."""
    readings: int


Progress = Callable[[int], None]
PathOf = Callable[[str | None], Path]
"""The path of a host's file; None: the log has a single host."""


def write_run(
    log: Log, options: ImportOptions, path_of: PathOf, on_progress: Progress | None = None
) -> list[ImportedFile]:
    """Write the run of a log, one file for each host; none stays where one cannot be written.

    Raises:
        LogError: The log cannot be read; the text names the line.
        UsageError: The log leaves open what an option can say.
        RunFileError: A file is there already, or cannot be written.
    """
    survey = log.survey or survey_of(log.readings(), log.source, on_progress)
    _refuse_unlogged_metrics(log, options.metric_modes)
    job = _Job(log, options, survey)
    files: dict[str, HostFile] = {}
    try:
        for rank, host in enumerate(job.hosts):
            path = path_of(host if len(job.hosts) > 1 else None)
            files[host] = HostFile(path, job.metadata(host, rank))
            job.begin(files[host], host, rank)
        _write_readings(job, files, on_progress)
        for host, file in files.items():
            job.end(file, host)
    except BaseException:
        for file in files.values():
            file.discard()
        raise
    return [
        ImportedFile(file.path, host, tuple(c.name for c in job.channels[host]), file.readings)
        for host, file in files.items()
    ]


def _write_readings(
    job: "_Job", files: Mapping[str, HostFile], on_progress: Progress | None
) -> None:
    shown = {
        host: {meter: Shown(is_interval=job.is_interval) for meter in meters}
        for host, meters in job.survey.items()
    }
    for count, seen in enumerate(job.log.readings(), 1):
        if count % _FLUSH_ROWS == 0:
            for file in files.values():
                file.flush()
            if on_progress is not None:
                on_progress(count)
        channel, file = job.channel_of(seen.host, seen.meter), files[seen.host]
        meter = shown[seen.host][seen.meter]
        if seen.time_ns == meter.last_ns:
            continue
        if channel.kind is Kind.GAUGE:
            meter.last_ns = seen.time_ns
            file.add_reading(seen.time_ns, channel.name, None, seen.value)
            continue
        reset = meter.take(seen.time_ns, seen.value)
        if reset is not None:
            file.add_events([reset.row(channel.name)])
        file.add_reading(seen.time_ns, channel.name, meter.energy_j, None)


class _Job:
    """What is written of each host beside its readings."""

    def __init__(self, log: Log, options: ImportOptions, survey: Survey) -> None:
        self.log = log
        self.survey = survey
        self.stated = {stated.host: stated for stated in (*log.stated, *options.stated)}
        twice = next((host for host in self.stated if host in survey), None)
        if twice is not None:
            raise UsageError(f"the power of {twice} is measured: leave out what is stated of it")
        self.hosts = (*survey, *self.stated)
        self.is_interval = _is_interval(log, survey)
        self._options = options
        self._modes = {**log.metric_modes, **options.metric_modes}
        self._id, self._run_id = secrets.token_hex(8), secrets.token_hex(8)
        self._begin_ns = min(
            meter.first_ns for meters in survey.values() for meter in meters.values()
        )
        self._end_ns = max(meter.last_ns for meters in survey.values() for meter in meters.values())
        if log.marks is not None:
            self._refuse_other_time(log.marks)
        self._channels = {host: self._described(host) for host in survey}
        self.channels = {
            **{host: tuple(found.values()) for host, found in self._channels.items()},
            **{host: (self._stated_channel(host),) for host in self.stated},
        }

    def channel_of(self, host: str, meter: str) -> Channel:
        """The channel of a meter."""
        return self._channels[host][meter]

    def metadata(self, host: str, rank: int) -> Metadata:
        """The description of a host's file."""
        firsts_ns = [meter.first_ns for meter in self.survey.get(host, {}).values()]
        begin_ns = min([*firsts_ns, self._block[0]])
        return Metadata(
            run_id=self._run_id,
            name=self.log.name,
            started_wall_ns=begin_ns,
            started_time_ns=0,
            labels=dict(self._labels),
            channels=self.channels[host],
            host={"name": host},
            sampling={"recorder": "imported", "log": self.log.source},
            job=self._job_of(rank),
        )

    def begin(self, file: HostFile, host: str, rank: int) -> None:
        """Write what stands before the readings."""
        source = f"{host}/{rank}/{IMPORTED}"
        described = {
            "name": self.log.name,
            "labels": dict(self._labels),
            "host": host,
            "rank": rank,
        }
        file.note(NoteName.SOURCE, json.dumps(described), source=source)
        if self._modes:
            file.note(NoteName.METRIC_MODES, json.dumps(self._modes), source=source)
        for text in (*self.log.warnings, *self._warnings(host)):
            file.note(NoteName.WARNING, text)
        marks = self.log.marks or Marks(*self._block)
        file.add_events(marks.rows(source, has_metrics=rank == 0))
        for channel in self.channels[host]:
            row = EventRow(
                file.begin_ns, Event.CHANNEL, channel=channel.name, text=channel.to_json()
            )
            file.add_events([row])

    def end(self, file: HostFile, host: str) -> None:
        """Write what stands behind the readings."""
        if host in self.stated:
            power_w = self.stated[host].power_w
            for time_ns in self._stated_moments():
                file.add_reading(time_ns, STATED, None, power_w)
        file.finish(str(Status.COMPLETED if self.log.marks is None else self.log.marks.status))

    @property
    def _block(self) -> tuple[int, int]:
        """When the run begins and ends."""
        marks = self.log.marks
        return (self._begin_ns, self._end_ns) if marks is None else (marks.begin_ns, marks.end_ns)

    def _job_of(self, rank: int) -> dict[str, Any]:
        """The job, and the place of a host in it; empty where there is one host."""
        if len(self.hosts) == 1:
            return {}
        count = len(self.hosts)
        return {"id": self._id, "launcher": IMPORTED, "rank": rank, "host_count": count}

    @property
    def _labels(self) -> Mapping[str, Label]:
        return {**self.log.labels, **self._options.labels}

    def _described(self, host: str) -> dict[str, Channel]:
        component, meters = self._options.facts.component, self.survey[host]
        is_wall = component is Component.WALL
        if is_wall and len(meters) > 1 and not self._options.has_feeds:
            raise UsageError(
                f"{self.log.source}: {host or 'the machine'} has several wall meters "
                f"({', '.join(list(meters)[:5])}): add --feeds if each measures one of its feeds, "
                "or import one of them"
            )
        return {
            name: meter_channel(
                _channel_name(component, name),
                self.log.kind,
                seen,
                self.log.unit_size,
                self._options.facts,
                source=self.log.source,
                is_feed=is_wall and self._options.has_feeds,
            )
            for name, seen in meters.items()
        }

    def _warnings(self, host: str) -> Iterator[str]:
        for name, seen in self.survey.get(host, {}).items():
            yield from _doubts(self.channel_of(host, name), seen, self._options.facts)

    @property
    def _stated_period_ns(self) -> int:
        begin_ns, end_ns = self._block
        return max(10**9, (end_ns - begin_ns) // _MOST_STATED_READINGS)

    def _stated_channel(self, host: str) -> Channel:
        return stated_channel(STATED, self.stated[host].source, self._stated_period_ns * 1e-9)

    def _stated_moments(self) -> Iterator[int]:
        begin_ns, end_ns = self._block
        yield from range(begin_ns, end_ns, self._stated_period_ns)
        yield end_ns

    def _refuse_other_time(self, marks: Marks) -> None:
        if marks.begin_ns > self._end_ns or marks.end_ns < self._begin_ns:
            raise LogError(
                f"{self.log.source}: the readings and the training lie at different times: are "
                "they of one run, and their clocks in one time zone?"
            )


def _channel_name(component: Component, meter: str) -> str:
    if not meter:
        return str(component)
    return f"{component}{meter}" if meter.isdecimal() else f"{component}-{meter}"


def _doubts(channel: Channel, seen: MeterSurvey, facts: MeterFacts) -> Iterator[str]:
    """What a reader must know of one meter."""
    if seen.repeats:
        yield f"{channel.name}: left out, as of the same time as another: {seen.repeats} readings"
    if channel.kind is Kind.GAUGE and facts.window_s is None:
        yield (
            f"{channel.name}: a reading is taken as the average since the one before it "
            f"({channel.window_s:.3g} s), which its log does not state"
        )


def _is_interval(log: Log, survey: Survey) -> bool:
    if log.kind is Kind.GAUGE or log.is_interval is not None:
        return bool(log.is_interval)
    return is_interval_energy(
        log.source, [s for meters in survey.values() for s in meters.values()]
    )


def _refuse_unlogged_metrics(log: Log, modes: Mapping[str, str]) -> None:
    for name, mode in modes.items():
        if mode not in set(MetricMode):
            raise UsageError(
                f"the mode of {name!r} is one of {', '.join(MetricMode)}, not {mode!r}"
            )
    logged = {name for epoch in log.marks.epochs for name in epoch.metrics} if log.marks else set()
    for name in modes:
        if name not in logged:
            known = ", ".join(sorted(logged)) or "none"
            raise UsageError(f"{log.source} logs no metric {name!r}; it logs: {known}")
