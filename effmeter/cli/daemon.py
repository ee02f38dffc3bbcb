"""``effmeter daemon run|status|stop``: the shared recorder."""

import grp
import json
import os
import time
from pathlib import Path
from typing import Any

import click

from effmeter.cli.group import CommandGroup
from effmeter.client.connection import Connection, connect
from effmeter.errors import RecorderError, UsageError
from effmeter.recorder.shared import Access, serve_shared
from effmeter.units import format_duration
from effmeter.wire.paths import shared_socket

_STOP_TIMEOUT_S = 15.0
_socket_option = click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="Where it listens [default: /run/effmeter for root, else the user's runtime folder].",
)


@click.group("daemon", cls=CommandGroup)
def command() -> None:
    """Run the shared recorder, look at it, stop it.

    One daemon samples the hardware once for all recordings of the machine, and as root reads
    sensors that users may not. It serves its own user and root, and the members of a group only
    if one is named: fine energy readings can betray what other programs compute.
    """


@command.command("run")
@_socket_option
@click.option("--group", help="Let the members of this group record.")
@click.option(
    "--others-rate",
    "others_rate_hz",
    type=click.FloatRange(0.1, 1000),
    default=10.0,
    show_default=True,
    help="Most readings per second for the group's members.",
)
def run_daemon(socket_path: Path | None, group: str | None, others_rate_hz: float) -> None:
    """Serve in the foreground until stopped (as a service manager wants it)."""
    path = socket_path or shared_socket(os.environ)
    access = Access(None if group is None else _gid(group), others_rate_hz)
    click.echo(f"effmeter: recording for this machine at {path}", err=True)
    serve_shared(path, access)


@command.command("status")
@_socket_option
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as JSON.")
def show_status(socket_path: Path | None, as_json: bool) -> None:
    """Say whether it runs, since when, and what it reads and records."""
    connection = _connect(socket_path)
    connection.send({"op": "status"})
    facts = {k: v for k, v in connection.expect("status", 5.0).items() if k != "op"}
    connection.close()
    click.echo(json.dumps(facts) if as_json else _in_words(facts))


@command.command("stop")
@_socket_option
def stop_daemon(socket_path: Path | None) -> None:
    """Let it close its recordings and end. Only root and its owner may."""
    connection = _connect(socket_path)
    connection.send({"op": "stop"})
    connection.expect("stopping", 5.0)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while not connection.lost and time.monotonic() < deadline:
        connection.wait_for(lambda _: False, 0.2)
    if not connection.lost:
        raise RecorderError(
            f"process {connection.recorder_pid} has not ended yet: it is still writing"
        )
    click.echo("effmeter: the recorder has stopped", err=True)


def _connect(socket_path: Path | None) -> Connection:
    path = socket_path or shared_socket(os.environ)
    if not path.exists():
        raise RecorderError(f"no recorder runs at {path}: start one by effmeter daemon run")
    return connect(path)


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise UsageError(f"there is no group {group!r}") from error


def _in_words(facts: dict[str, Any]) -> str:
    lines = [
        f"process     {facts['pid']}, up {format_duration(facts['uptime_s'])}",
        f"recordings  {facts['recordings']}",
        f"clients     {facts['clients']}",
        f"channels    {', '.join(facts['channels']) or 'none'}",
    ]
    lines += [f"refused     {refusal}" for refusal in facts["refusals"]]
    return "\n".join(lines)
