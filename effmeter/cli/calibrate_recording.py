"""The recording that ``effmeter calibrate`` makes where no run is named, checked beforehand."""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from effmeter.analysis.meter_csv import check_meter_csv
from effmeter.cli.diagnosis import daemon_status
from effmeter.cli.machine_recording import record_machine
from effmeter.cli.output import end_progress, say, show_progress
from effmeter.clock import Clock, SystemClock
from effmeter.errors import UsageError
from effmeter.probes.search import discover
from effmeter.recorded.run import RecordedRun
from effmeter.tracking import Run
from effmeter.units import format_duration

DEFAULT_S = 120.0
SHORTEST_S = 5.0
_ESTIMATE = "-estimate"
"""How the names of estimates end, of which a shared recorder lists the names alone."""
_HERE = "on this machine (start the record of the meter first)"
_LOOK_PERIOD_S = 1.0

Record = Callable[[str, Callable[[Run], float]], tuple[RecordedRun, float]]


def record_varying_load(
    channel: str,
    reference: str,
    duration_s: float,
    channels: Collection[str],
    record: Record = record_machine,
) -> RecordedRun:
    """Record this machine beside a reference, until the time is over or Ctrl-C is pressed.

    Args:
        channel: The name of the channel to calibrate.
        reference: The name of another channel, or the path of the meter's CSV file.
        duration_s: How long to record (s).
        channels: The names of this machine's channels.
        record: Makes the recording, as ``record_machine`` does.

    Raises:
        UsageError: One of the two does not exist, or the file has no readable columns.
        MeasurementError: No recorder can be started.
    """
    check_channel(channel, channels, "this machine")
    if not is_channel(reference, channel, channels, _HERE):
        check_meter_csv(Path(reference))
    say(
        f"recording this machine for {format_duration(duration_s)}; Ctrl-C ends the recording "
        f"early. Let the load of {channel} vary: idle and full load by turns, in stretches of "
        "5 s and more, of uneven length"
    )
    run, waited_s = record(f"calibrate-{channel}", lambda run: _wait_through(run, duration_s))
    path = os.path.relpath(run.paths[0])
    say(f"recorded {format_duration(waited_s)} in {path}; --run {path} fits it again")
    return run


def channels_here(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the channels that a recording made here has, by the shared recorder if any."""
    status = daemon_status(environ)
    if status is not None:
        return tuple(status["channels"])
    discovery = discover(environ=environ)
    for probe in discovery.probes:
        probe.close()
    return tuple(channel.name for channel in discovery.channels)


def check_channel(name: str, known: Collection[str], owner: str) -> None:
    """UsageError, which lists those that there are, where the owner has no such channel."""
    if name not in known:
        raise UsageError(f"{owner} has no channel {name}: it has {_listed(known)}")


def is_channel(reference: str, channel: str, known: Collection[str], where: str) -> bool:
    """Whether a reference is another channel, rather than an existing file.

    Raises UsageError where it is neither, the channel itself, or an estimate.
    """
    if reference == channel:
        raise UsageError(f"{reference} cannot be its own reference")
    if reference in known and reference.endswith(_ESTIMATE):
        raise UsageError(f"{reference} is an estimate: name a sensor or a meter's CSV file")
    if reference not in known and not Path(reference).exists():
        raise UsageError(
            f"there is no file {reference}, and no such channel {where}: {_listed(known)}"
        )
    return reference in known


def wait_through(
    duration_s: float,
    look: Callable[[float], bool],
    clock: Clock | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> float:
    """Wait until the time is over, Ctrl-C is pressed or ``look`` is false; the time waited (s).

    ``look`` is called every second with the time waited (s).
    """
    clock = clock or SystemClock()
    begun_ns = clock.now_ns()
    waited_s = 0.0
    with contextlib.suppress(KeyboardInterrupt):
        while waited_s < duration_s and look(waited_s):
            pause(min(_LOOK_PERIOD_S, duration_s - waited_s))
            waited_s = (clock.now_ns() - begun_ns) * 1e-9
    return (clock.now_ns() - begun_ns) * 1e-9


def _wait_through(run: Run, duration_s: float) -> float:
    """Wait as long as the run is recorded, with the progress on a terminal."""

    def look(waited_s: float) -> bool:
        run.look_after()
        show_progress(f"{waited_s:.0f} of {duration_s:.0f} s")
        return run.recording_failure is None

    waited_s = wait_through(duration_s, look)
    end_progress()
    return waited_s


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
