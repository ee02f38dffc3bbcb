"""``effmeter daemon run|status|stop``: the shared recorder."""

import grp
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from effmeter.cli.group import CommandGroup
from effmeter.cli.options import FiniteRange, json_option, output_option
from effmeter.cli.output import emit, say
from effmeter.client.connection import Connection, connect
from effmeter.errors import RecorderError
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.shared import serve_shared
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.units import format_duration
from effmeter.wire.paths import shared_socket

_STOP_TIMEOUT_S = 15.0
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
def run_daemon(socket_path: Path | None, gid: int | None, others_rate_hz: float) -> None:
    """Serve in the foreground until stopped.

    Service managers expect this. SIGTERM, SIGINT and SIGHUP also end the daemon.
    """
    path = socket_path or shared_socket(os.environ)
    say(f"recording for this machine at {path}")
    serve_shared(path, ServicePolicy("shared", os.getuid(), gid, others_rate_hz, str(path)))


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
        ]
    )
    return page
