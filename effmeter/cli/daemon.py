"""``effmeter daemon run|status|stop``: the shared recorder."""

import grp
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from effmeter.cli.group import CommandGroup
from effmeter.cli.options import FiniteRange, json_option, naming_option, output_option
from effmeter.cli.output import emit, say, show
from effmeter.client.connection import Connection, connect
from effmeter.client.request import kept_calibrations
from effmeter.errors import EffmeterError, RecorderError, UsageError
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.shared import serve_shared
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.units import format_bytes, format_duration, parse_duration_s
from effmeter.wire.paths import shared_socket

_STOP_TIMEOUT_S = 15.0
SHORTEST_PERIOD_S = 60.0
_socket_option = click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="The socket of the daemon.  [default: in /run/effmeter for root, else in the user's "
    "runtime directory]",
)


def _gid_of(context: click.Context, parameter: click.Parameter, group: str | None) -> int | None:
    """The callback of an option that takes the name of a group."""
    try:
        return None if group is None else grp.getgrnam(group).gr_gid
    except KeyError as error:
        text = f"there is no group {group!r}: getent group lists those of this machine."
        raise click.BadParameter(text, context, parameter) from error


def duration_of(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """The callback of an option that takes a duration."""
    with naming_option(context, option):
        return None if text is None else parse_duration_s(text)


_thin_option = click.option(
    "--thin",
    "thin_s",
    default="1min",
    show_default=True,
    metavar="TIME",
    callback=duration_of,
    help="The period of the energies that replace the readings, as 1s or 1min.",
)
_keep_option = click.option(
    "--keep",
    "keep_s",
    metavar="TIME",
    callback=duration_of,
    help="Remove the files of the log that began longer ago than this.  [default: never]",
)


@click.group("daemon", cls=CommandGroup)
def command() -> None:
    """Run, inspect or stop the shared recorder.

    One daemon samples the hardware once for all recordings of the machine. As root it reads
    sensors that other users may not. It serves its own user and root. Members of a group are
    served only if you name the group: fast energy readings can reveal what other programs
    compute.
    """


@command.command("run")
@_socket_option
@click.option("--group", "gid", callback=_gid_of, help="Serve the members of this group too.")
@click.option(
    "--others-rate",
    "others_rate_hz",
    type=FiniteRange(0.1, 1000),
    default=10.0,
    show_default=True,
    help="The highest rate for members of the group, in readings per second.",
)
@click.option(
    "--log",
    "log_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also record the machine itself, all the time, into files in this folder.",
)
@click.option(
    "--rotate",
    "rotate_s",
    default="1d",
    show_default=True,
    metavar="TIME",
    callback=duration_of,
    help="Begin a new file of the log at whole multiples of this time (UTC).",
)
@click.option(
    "--log-rate",
    "log_rate_hz",
    type=FiniteRange(0.01, 1000),
    default=10.0,
    show_default=True,
    help="Readings per second in the log.",
)
@click.option(
    "--keep-full",
    "keep_full_s",
    metavar="TIME",
    callback=duration_of,
    help="Thin the files of the log after this time, as 7d.  [default: never]",
)
@_thin_option
@_keep_option
def run_daemon(
    socket_path: Path | None,
    gid: int | None,
    others_rate_hz: float,
    log_folder: Path | None,
    rotate_s: float,
    log_rate_hz: float,
    keep_full_s: float | None,
    thin_s: float,
    keep_s: float | None,
) -> None:
    """Serve in the foreground until stopped.

    Service managers expect this. SIGTERM, SIGINT and SIGHUP also end the daemon.

    With --log, effmeter report DIR prints the energy of each period. A new file loses nothing:
    the energies of two files add up to that of their time together. With --keep-full, old files
    keep the energy of each minute, or another period, instead of every reading.
    """
    path = socket_path or shared_socket(os.environ)
    plan = None
    if log_folder is not None:
        if rotate_s < SHORTEST_PERIOD_S:
            raise UsageError("--rotate is at least 1min")
        tidy = _upkeep_command(log_folder, keep_full_s, thin_s, keep_s)
        plan = LogPlan(log_folder, rotate_s, log_rate_hz, kept_calibrations(), tidy)
    say(f"recording for this machine at {path}")
    serve_shared(path, ServicePolicy("shared", os.getuid(), gid, others_rate_hz, str(path)), plan)


def _upkeep_command(
    folder: Path, keep_full_s: float | None, thin_s: float, keep_s: float | None
) -> tuple[str, ...]:
    """The command that looks after old files of the log; empty where they stay as they are."""
    if keep_full_s is None and keep_s is None:
        return ()
    called = (
        "nice",
        "-n",
        "19",
        sys.executable,
        "-P",
        "-m",
        "effmeter",
        "daemon",
        "thin",
        str(folder.absolute()),
    )
    full = "36500d" if keep_full_s is None else f"{keep_full_s}s"
    kept = () if keep_s is None else ("--keep", f"{keep_s}s")
    return (*called, "--keep-full", full, "--thin", f"{thin_s}s", *kept)


@command.command("thin")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--keep-full",
    "keep_full_s",
    default="7d",
    show_default=True,
    metavar="TIME",
    callback=duration_of,
    help="How long after its last row a file keeps every reading.",
)
@_thin_option
@_keep_option
@json_option
def thin_log(
    folder: Path, keep_full_s: float, thin_s: float, keep_s: float | None, as_json: bool
) -> None:
    """Thin the old files of the log in FOLDER.

    Each keeps its events, and the energies of whole periods in place of its readings: reports of
    the file, and energies of its periods, stay what they were. The daemon calls this command with
    the lowest priority when --keep-full or --keep is given. Other run files in the folder stay as
    they are.
    """
    # The daemon itself, which this module runs too, reads no files.
    from effmeter.recorded.log_upkeep import Upkeep, look_after

    LogFolder(folder).close()
    done = look_after(folder, Upkeep(keep_full_s, thin_s, keep_s))
    for line in done.errors:
        say(line)
    if as_json:
        thinned = [{**one._asdict(), "path": str(one.path)} for one in done.thinned]
        removed = [str(path) for path in done.removed]
        emit(json_text({"thinned": thinned, "removed": removed, "errors": done.errors}))
    else:
        for one in done.thinned:
            sizes = f"{format_bytes(one.bytes_before)} -> {format_bytes(one.bytes_after)}"
            show(f"{one.path}: {sizes}")
        for path in done.removed:
            show(f"{path}: removed")
    if done.errors:
        sys.exit(EffmeterError.exit_status)


@command.command("status")
@_socket_option
@json_option
@output_option
def show_status(socket_path: Path | None, as_json: bool, output: Path | None) -> None:
    """Print the status of the daemon.

    It shows the process, its uptime and channels, and the number of recordings.
    """
    connection = _connect(socket_path)
    connection.send({"op": "status"})
    facts = {k: v for k, v in connection.expect("status", 5.0).items() if k != "op"}
    connection.close()
    if as_json:
        emit(json_text(facts), output)
    else:
        emit(str(_page_of(facts, Page() if output else Page.for_stream())), output)


@command.command("stop")
@_socket_option
def stop_daemon(socket_path: Path | None) -> None:
    """Close all recordings and end the daemon.

    Only root and the owner of the daemon may do this.
    """
    connection = _connect(socket_path)
    connection.send({"op": "stop"})
    connection.expect("stopping", 5.0)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while not connection.lost and time.monotonic() < deadline:
        connection.wait_for(lambda _: False, 0.2)
    if not connection.lost:
        pid = connection.recorder_pid
        raise RecorderError(f"process {pid} is still writing: see effmeter daemon status")
    say("the recorder has stopped")


def _connect(socket_path: Path | None) -> Connection:
    path = socket_path or shared_socket(os.environ)
    if not path.exists():
        raise RecorderError(f"no daemon runs at {path}: start one with effmeter daemon run")
    return connect(path)


def _page_of(facts: Mapping[str, Any], page: Page) -> Page:
    page.facts(
        [
            ("process", f"{facts['pid']}, up {format_duration(facts['uptime_s'])}"),
            ("recordings", str(facts["recordings"])),
            ("clients", str(facts["clients"])),
            ("channels", ", ".join(facts["channels"]) or "none"),
            *(("refused", refusal) for refusal in facts["refusals"]),
            *_log_lines(facts.get("log")),
        ]
    )
    return page


def _log_lines(log: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if log is None:
        return
    every = f"a file every {format_duration(log['rotate_s'])}, {log['rate_hz']:g} Hz"
    yield "log", f"{log['folder']}, {every}"
    yield "log file", log["file"] or "none"
    if log["failure"] is not None:
        yield "log failure", log["failure"]
