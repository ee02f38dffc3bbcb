"""``effmeter calibrate``: the gain and offset of a sensor."""

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from effmeter.analysis.meter_csv import reference_csv
from effmeter.analysis.sensor_calibration import (
    Reference,
    calibrate,
    reference_channel,
    shown_by,
)
from effmeter.channel import Calibration, Channel
from effmeter.cli.calibrate_recording import (
    DEFAULT_S,
    SHORTEST_S,
    channels_here,
    check_channel,
    is_channel,
    record_varying_load,
)
from effmeter.cli.options import FiniteRange, json_option, output_option
from effmeter.cli.output import emit, say
from effmeter.energy.calibrating import CalibrationFit
from effmeter.errors import UsageError
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.state.calibration import (
    calibration_path,
    check_writable,
    forget_calibration,
    load_calibrations,
    save_calibration,
)


@click.command("calibrate")
@click.argument("channel", required=False)
@click.option(
    "--run",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Record nothing: fit a run that was recorded while the load varied.",
)
@click.option(
    "--reference",
    metavar="FILE.csv|CHANNEL",
    help="The record of an external meter of the same device, or another channel.",
)
@click.option(
    "--seconds",
    "duration_s",
    type=FiniteRange(min=SHORTEST_S),
    help=f"How long to record.  [default: {DEFAULT_S:g}]",
)
@click.option(
    "--reference-error",
    "reference_error_fraction",
    type=FiniteRange(0, 1),
    default=0.01,
    show_default=True,
    metavar="FRACTION",
    help="The gain error of the external meter.",
)
@click.option(
    "--max-shift",
    "most_shift_s",
    type=FiniteRange(0.1, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How far the wall clock of the external meter may be off.",
)
@click.option("--list", "lists", is_flag=True, help="Print the calibrations of this host.")
@click.option(
    "--forget",
    is_flag=True,
    help="Remove the calibration of the sensor that CHANNEL names as --list prints it.",
)
@json_option
@output_option
def command(
    channel: str | None,
    file: Path | None,
    reference: str | None,
    duration_s: float | None,
    reference_error_fraction: float,
    most_shift_s: float,
    lists: bool,
    forget: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Fit the gain and offset of a sensor beside a reference, and remember them.

    effmeter calibrate gpu0 --reference meter.csv records this machine for two minutes, while the
    external meter writes its record of the same device into the file. Meanwhile let the load vary:
    idle and full load by turns, in stretches of several seconds and uneven length. Ctrl-C ends the
    recording early. It is kept as a run file, and --run fits it, or any other run, again.

    The first line of the CSV file names its columns: time_s, time_ms or time (seconds or ISO 8601),
    and power_w, watts, energy_j or joules. The readings are read after the recording.

    Runs recorded from then on carry the calibration in their files, and their energies are
    corrected by it. Runs recorded before stay as they are. The file is
    $XDG_STATE_HOME/effmeter/calibration.json, by default under ~/.local/state.
    """
    path = calibration_path(os.environ)
    if lists:
        kept = load_calibrations(path, socket.gethostname())
        emit(_listed(kept, path, as_json, Page() if output else Page.for_stream()), output)
        return
    if channel is None:
        raise click.UsageError("Name the channel to calibrate, or use --list.")
    if forget:
        _forget(path, channel)
        return
    if reference is None:
        raise click.UsageError("Name a meter's CSV file or another channel with --reference.")
    if file is not None and duration_s is not None:
        raise click.UsageError("--run records nothing: leave out --seconds.")
    if file is not None:
        run = read_run(file)
    else:
        check_writable(path)
        here = channels_here(os.environ)
        run = record_varying_load(channel, reference, duration_s or DEFAULT_S, here)
    check_channel(channel, run.channels, str(run.paths[0]))
    described = run.channels[channel]
    say(f"fitting {channel} beside {reference}")
    beside = _reference(run, described, reference, most_shift_s, reference_error_fraction)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    calibration, fit = calibrate(run, described, beside, date)
    host = str(run.metadata.host.get("name") or socket.gethostname())
    save_calibration(path, host, described.sensor, calibration)
    begins_s = beside.curve.times_s[0] + fit.alignment.shift_s - run.begin_ns * 1e-9
    if as_json:
        emit(json_text(_as_mapping(path, host, described, calibration, fit, begins_s)), output)
    else:
        page = Page() if output else Page.for_stream()
        emit(str(page_of(described, calibration, fit, begins_s, page)), output)
    say(f"runs recorded from now on carry it; it is kept in {path}")


def _reference(
    run: RecordedRun, channel: Channel, text: str, most_shift_s: float, error_fraction: float
) -> Reference:
    """The reference that a text names: a channel of the run, or else a file."""
    if is_channel(text, channel.name, run.channels, "in the run"):
        return reference_channel(run, run.channels[text])
    return reference_csv(Path(text), run, shown_by(run, channel), most_shift_s, error_fraction)


def _forget(path: Path, name: str) -> None:
    host = socket.gethostname()
    kept = load_calibrations(path, host)
    matching = [sensor for sensor in kept if sensor == name]
    if not matching:
        known = "; ".join(map(repr, sorted(kept))) or "none"
        raise UsageError(f"no calibrated sensor of this host is {name!r}: there are {known}")
    forget_calibration(path, host, matching[0])
    say(f"the calibration of {matching[0]} is removed")


def _as_mapping(
    path: Path,
    host: str,
    channel: Channel,
    calibration: Calibration,
    fit: CalibrationFit,
    begins_s: float,
) -> dict[str, Any]:
    return {
        "file": str(path),
        "host": host,
        "channel": channel.name,
        "sensor": channel.sensor,
        **asdict(calibration),
        "begins_s": begins_s,
        "correlation": fit.alignment.correlation,
        "lowest_w": fit.lowest_w,
        "highest_w": fit.highest_w,
        "window_s": fit.window_s,
        "windows": fit.windows,
    }


def page_of(
    channel: Channel, calibration: Calibration, fit: CalibrationFit, begins_s: float, page: Page
) -> Page:
    """A page with the calibration and what it rests on."""
    page.title(channel.sensor)
    page.facts(
        [
            ("gain", f"{calibration.gain:.4f} ± {calibration.gain_error:.4f}"),
            ("offset", f"{calibration.offset_w:+.2f} ± {calibration.offset_error_w:.2f} W"),
            ("against", calibration.reference),
            (
                "range",
                f"{fit.lowest_w:.1f} to {fit.highest_w:.1f} W shown, in {fit.windows:.0f} windows "
                f"of {fit.window_s:g} s",
            ),
            (
                "alignment",
                f"the reference begins {abs(begins_s):.2f} s "
                f"{'before' if begins_s < 0 else 'after'} the run; correlation "
                f"{fit.alignment.correlation:.4f}",
            ),
        ]
    )
    return page


def _listed(kept: Mapping[str, Calibration], path: Path, as_json: bool, page: Page) -> str:
    if as_json:
        sensors = {sensor: asdict(calibration) for sensor, calibration in kept.items()}
        return json_text({"file": str(path), "sensors": sensors})
    if not kept:
        return "no sensor of this host is calibrated"
    rows = [
        (
            sensor,
            f"{c.gain:.4f} ± {c.gain_error:.4f}",
            f"{c.offset_w:+.2f} ± {c.offset_error_w:.2f} W",
            c.reference,
            c.date,
        )
        for sensor, c in kept.items()
    ]
    page.table(("sensor", "gain", "offset", "against", "date"), rows, numeric=(1, 2))
    return str(page)
