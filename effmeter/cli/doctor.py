"""``effmeter doctor``: what can be measured here, what not, and what would change that."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from effmeter.client.connection import connect
from effmeter.cover import Cover, choose_cover
from effmeter.errors import RecorderError
from effmeter.methods.ops.dispatch import DEVICE_TYPES, KernelPath, kernel_path
from effmeter.probes import discover
from effmeter.probes.base import Discovery, Failure
from effmeter.units import format_duration
from effmeter.wire.paths import shared_sockets

_ANSWER_TIMEOUT_S = 2.0
_HEADINGS = ("CHANNEL", "COMPONENT", "KIND", "PROVENANCE", "REFRESH", "READS", "SOURCE")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found on this machine."""

    discovery: Discovery
    failures: dict[str, str]
    """Channels whose first reading failed, with the reason."""
    cover: Cover
    daemon: dict[str, Any] | None
    """What a shared recorder tells of itself; None: none can be reached."""
    kernels: tuple[KernelPath, ...]
    """What computes for the training methods on each type of device."""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as JSON.")
def command(as_json: bool) -> None:
    """List what can be measured here, and how to lift what stands in the way.

    Every channel is read once. For each sensor that refuses, the reason and the commands that
    lift it are shown, best first; nothing is changed and nothing is asked. At the end stands what
    computes for the training methods: compiled kernels, or why not.
    """
    diagnosis = diagnose(os.environ)
    if as_json:
        click.echo(json.dumps(_as_mapping(diagnosis), indent=2))
        return
    _print_channels(diagnosis)
    for line in (*_refusal_lines(diagnosis), *_cover_lines(diagnosis.cover)):
        click.echo(line)
    click.echo(daemon_line(diagnosis.daemon))
    for path in diagnosis.kernels:
        click.echo(kernel_line(path))


def diagnose(environ: Mapping[str, str]) -> Diagnosis:
    """Search for sensors, read each once, and look for a shared recorder."""
    discovery = discover(environ=environ)
    failures = {}
    for probe in discovery.probes:
        for reading in probe.read():
            if isinstance(reading.value, Failure):
                failures[reading.channel] = reading.value.reason
        probe.close()
    known = {channel.name for channel in discovery.channels} - failures.keys()
    cover = choose_cover(discovery.channels, known, discovery.refusals)
    return Diagnosis(discovery, failures, cover, _daemon_status(environ), _kernel_paths(environ))


def daemon_line(status: Mapping[str, Any] | None) -> str:
    """One line about the shared recorder that ``track()`` would use."""
    if status is None:
        return "Recorder daemon: none can be reached; each run starts a recorder of its own"
    channels = ", ".join(status["channels"]) or "none"
    return (
        f"Recorder daemon: running (pid {status['pid']}, recordings: {status['recordings']}); "
        f"runs use its channels: {channels}"
    )


def kernel_line(path: KernelPath) -> str:
    """One line about what computes for the training methods on a type of device."""
    computes = "compiled by Numba" if path.compiled else f"by the framework ({path.reason})"
    return f"Kernels of methods on {path.device_type}: {computes}"


def _kernel_paths(environ: Mapping[str, str]) -> tuple[KernelPath, ...]:
    try:
        return tuple(kernel_path(device_type, environ) for device_type in DEVICE_TYPES)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _daemon_status(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The status of the first shared recorder that answers."""
    for path in shared_sockets(environ):
        try:
            connection = connect(path, _ANSWER_TIMEOUT_S)
        except RecorderError:
            continue
        try:
            connection.send({"op": "status"})
            return dict(connection.expect("status", _ANSWER_TIMEOUT_S))
        except RecorderError:
            continue
        finally:
            connection.close()
    return None


def _as_mapping(diagnosis: Diagnosis) -> dict[str, Any]:
    channels = [
        {**json.loads(c.to_json()), "failure": diagnosis.failures.get(c.name)}
        for c in diagnosis.discovery.channels
    ]
    cover = diagnosis.cover
    return {
        "channels": channels,
        "refusals": [asdict(refusal) for refusal in diagnosis.discovery.refusals],
        "cover": {
            "channels": list(cover.names),
            "estimated": list(cover.estimated),
            "missing": list(cover.missing),
            "partial": list(cover.partial),
            "left_out": dict(cover.left_out),
        },
        "daemon": diagnosis.daemon,
        "kernels": [asdict(path) for path in diagnosis.kernels],
    }


def _print_channels(diagnosis: Diagnosis) -> None:
    rows = [
        (
            channel.name,
            channel.component.value,
            channel.kind.value,
            channel.provenance.value,
            format_duration(channel.refresh_s),
            diagnosis.failures.get(channel.name, "yes"),
            channel.source,
        )
        for channel in diagnosis.discovery.channels
    ]
    if not rows:
        click.echo("No channel can be read on this machine.")
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        for line in _aligned([_HEADINGS, *rows]):
            click.echo(line)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_HEADINGS)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.overflow = "fold"
    for row in rows:
        style = "yellow" if "estimated" in row else ""
        table.add_row(*(Text(cell) for cell in row), style=style)
    Console().print(table)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _refusal_lines(diagnosis: Diagnosis) -> list[str]:
    lines = []
    for refusal in diagnosis.discovery.refusals:
        heading = "Refused" if refusal.present else "Absent"
        lines.append(f"\n{heading}: {refusal.component} from {refusal.source}: {refusal.reason}")
        lines.extend(f"    {command}" for command in refusal.remedy.splitlines())
    return lines


def _cover_lines(cover: Cover) -> list[str]:
    summed = ", ".join(cover.names) or "nothing: no energy would be known"
    lines = [f"\nA total sums: {summed}"]
    lines.extend(
        f"  only estimated: {channel.name}, true to a factor of {channel.estimate_factor:g}"
        f" ({channel.scope})"
        for channel in cover.channels
        if channel.name in cover.estimated
    )
    if cover.missing:
        lines.append(f"  unknown, and in no total: {', '.join(cover.missing)}")
    if cover.partial:
        lines.append(f"  partial, without a figure of: {', '.join(cover.partial)}")
    lines.extend(f"  left out: {name} ({reason})" for name, reason in cover.left_out)
    return lines
