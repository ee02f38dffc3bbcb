"""From a log to run files: one for each host, in two passes, with memory that does not grow.

The first pass finds hosts and meters, the second writes. The files of several hosts are those of
one job: each has the epochs, one of them the metrics.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Kind
from effmeter.errors import UsageError
from effmeter.importers.host_file import HostFile
from effmeter.importers.job import Job
from effmeter.importers.log import Log
from effmeter.importers.options import ImportOptions
from effmeter.importers.shown import Shown
from effmeter.importers.survey import survey_of
from effmeter.runfile.format import RUN_SUFFIX, MetricMode

_FLUSH_ROWS = 65_536


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


def paths_at(output: Path, name: str) -> PathOf:
    """The paths of a run's files: ``output`` is the file of its one host, or a folder."""

    def path_of(host: str | None) -> Path:
        if output.suffix == RUN_SUFFIX:
            if host is not None:
                raise UsageError(
                    f"{output} is one file, and the log has several hosts: name a folder"
                )
            return output
        called = name if host is None else f"{name}-{host}"
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", called).strip("-.") or "run"
        return output / f"{plain}{RUN_SUFFIX}"

    return path_of


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
    job = Job(log, options, survey)
    files: dict[str, HostFile] = {}
    try:
        for host in job.hosts:
            path = path_of(host if len(job.hosts) > 1 else None)
            files[host] = HostFile(path, job.metadata(host))
            job.begin(files[host], host)
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


def _write_readings(job: Job, files: Mapping[str, HostFile], on_progress: Progress | None) -> None:
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
