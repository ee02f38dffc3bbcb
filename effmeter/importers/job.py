"""One run of a log: its hosts, their channels, and what their files hold beside the readings."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from effmeter.channel import Channel, Component, Kind
from effmeter.errors import LogError, UsageError
from effmeter.importers.host_file import HostFile
from effmeter.importers.log import Log
from effmeter.importers.marks import Marks
from effmeter.importers.meters import MeterFacts, meter_channel, stated_channel
from effmeter.importers.options import ImportOptions
from effmeter.importers.shown import is_interval_energy
from effmeter.importers.survey import MeterSurvey, Survey
from effmeter.runfile.format import Event, Label, Metadata, NoteName
from effmeter.runfile.row import EventRow
from effmeter.status import Status

IMPORTED = "import"
"""The launcher of the job that the files of several hosts name."""
STATED = "stated"
"""The channel of a power that is not measured."""
_MOST_STATED_READINGS = 1000


class Job:
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
        self._id, self._run_id = _names_of(options.job)
        self._begin_ns = min(
            meter.first_ns for meters in survey.values() for meter in meters.values()
        )
        self._end_ns = max(meter.last_ns for meters in survey.values() for meter in meters.values())
        if log.marks is not None:
            self._refuse_other_time(log.marks)
        if self._block[0] == self._block[1]:
            raise LogError(
                f"{log.source}: its readings are all of one moment, which determines no energy"
            )
        self._channels = {host: self._described(host) for host in survey}
        self.channels = {
            **{host: tuple(found.values()) for host, found in self._channels.items()},
            **{host: (self._stated_channel(host),) for host in self.stated},
        }

    def channel_of(self, host: str, meter: str) -> Channel:
        """The channel of a meter."""
        return self._channels[host][meter]

    def metadata(self, host: str) -> Metadata:
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
            job=self._job_of(host),
        )

    def begin(self, file: HostFile, host: str) -> None:
        """Write what stands before the readings."""
        place, rank = self.hosts.index(host), self._rank_of(host)
        source = f"{host}/{place}/{IMPORTED}"
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
        file.add_events(marks.rows(source, has_metrics=place == 0))
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

    def _rank_of(self, host: str) -> int | None:
        """The place of a host in the job; None where other logs hold hosts of the job too."""
        return self.hosts.index(host) if self._options.job is None else None

    def _job_of(self, host: str) -> dict[str, Any]:
        """The job, and the place of a host in it; empty where one host is all of it."""
        if self._options.job is not None:
            return {"id": self._id, "launcher": IMPORTED}
        count = len(self.hosts)
        if count == 1:
            return {}
        rank = self._rank_of(host)
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


def _names_of(job: str | None) -> tuple[str, str]:
    """The ids of the job and of its run; the same for all logs of a job that the user names."""
    if job is None:
        return secrets.token_hex(8), secrets.token_hex(8)
    facts = (json.dumps([IMPORTED, what, job]).encode() for what in ("job", "run"))
    job_id, run_id = (hashlib.sha256(fact).hexdigest()[:16] for fact in facts)
    return job_id, run_id
