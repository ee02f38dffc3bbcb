"""``effmeter doctor``: the sensors of this machine, and how to enable those that refuse."""

import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from effmeter.channel import Channel, Refusal
from effmeter.cli.doctor_capture import CAPTURE_S, write_capture
from effmeter.cli.look import look_at, standstill_remedy
from effmeter.cli.options import emit, json_option, output_option
from effmeter.client.connection import connect
from effmeter.cover import (
    DEVICE_CAUTIONS,
    IS_MEASURED,
    VISIBILITY_UNKNOWN,
    Cover,
    choose_cover,
    hidden_channels,
)
from effmeter.errors import EffmeterError, EffmeterWarning, RecorderError, UsageError
from effmeter.probes.base import Discovery
from effmeter.probes.search import discover
from effmeter.recorder.visibility import device_facts, variables_of
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.units import format_duration
from effmeter.wire.paths import shared_sockets

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_ANSWER_TIMEOUT_S = 2.0
_CHECK_GROUP = "effmeter.checks"
"""The group of entry points of further checks.

Each takes the environment and returns dataclasses: ``str`` of one is a line, its fields are JSON.
"""
_HEADINGS = ("channel", "component", "kind", "provenance", "refresh", "reads", "source")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The sensors of this machine, and what reads and computes here."""

    discovery: Discovery
    failures: dict[str, str]
    """Channels that could not be read or whose counter stands still, with the reason."""
    standing: tuple[str, ...]
    """Those whose counter stands still."""
    cover: Cover
    remarks: tuple[str, ...]
    """What a program started here must know about its devices."""
    daemon: dict[str, Any] | None
    """The status of the shared recorder; None where none answers."""
    checks: "Mapping[str, tuple[DataclassInstance, ...]]"
    """The results of the checks that entry points name, by the name of the check."""


@click.command("doctor")
@json_option
@output_option
@click.option(
    "--capture",
    "captured",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Instead, write what all sensors answer for some seconds to a new file, without names, "
    "so that the machine can be simulated elsewhere.",
)
@click.option(
    "--seconds",
    "duration_s",
    type=click.FloatRange(min=0.5, max=120.0),
    help=f"How long --capture reads the sensors; {CAPTURE_S:g} unless given.",
)
def command(
    as_json: bool, output: Path | None, captured: Path | None, duration_s: float | None
) -> None:
    """List the sensors of this machine and how to enable those that cannot be read.

    Every channel is read, for about a second where a counter stands still. Each sensor that cannot
    be read is listed with the reason and the commands that enable it, the best first. Nothing on
    the machine is changed. The last lines say whether the training methods use compiled kernels.
    """
    if captured is not None:
        if as_json or output is not None:
            raise UsageError("--capture names the file itself: leave out --json and --output")
        write_capture(captured, duration_s or CAPTURE_S, os.environ)
        return
    if duration_s is not None:
        raise UsageError("--seconds is of --capture FILE: give both")
    diagnosis = diagnose(os.environ)
    if as_json:
        emit(json_text(_as_mapping(diagnosis)), output)
    else:
        emit(str(_page_of(diagnosis, Page() if output else Page.for_stream())), output)


def diagnose(environ: Mapping[str, str]) -> Diagnosis:
    """The sensors, a short look at each, and the shared recorder where one runs."""
    discovery = discover(environ=environ)
    looked = look_at(discovery, on_wait=_say_that_it_waits)
    for probe in discovery.probes:
        probe.close()
    failures = {**looked.standing, **looked.failures}
    known = {channel.name for channel in discovery.channels} - failures.keys()
    facts = device_facts(variables_of(environ), discovery.devices, discovery)
    unseen = hidden_channels([facts])
    cover = choose_cover(discovery.channels, known, discovery.refusals, unseen)
    standing = tuple(name for name in looked.standing if name not in looked.failures)
    daemon, checks = _daemon_status(environ), _checks(environ)
    remarks = (*facts.get(DEVICE_CAUTIONS, ()), *_unknown(facts))
    return Diagnosis(discovery, failures, standing, cover, remarks, daemon, checks)


def _unknown(facts: Mapping[str, Any]) -> list[str]:
    """Why it is unknown which devices a program here may use."""
    reason = facts.get(VISIBILITY_UNKNOWN)
    return [f"all devices count, though a program here may not use all: {reason}"] if reason else []


def _say_that_it_waits() -> None:
    if sys.stderr.isatty():
        click.echo("effmeter: watching whether the counters move ...", err=True)


def daemon_line(status: Mapping[str, Any] | None) -> str:
    """One line about the shared recorder that ``track()`` would use."""
    if status is None:
        return "Recorder daemon: not running; each run starts a recorder of its own"
    channels = ", ".join(status["channels"]) or "none"
    return (
        f"Recorder daemon: running (pid {status['pid']}, recordings: {status['recordings']}); "
        f"runs use its channels: {channels}"
    )


def _checks(environ: Mapping[str, str]) -> "dict[str, tuple[DataclassInstance, ...]]":
    results: dict[str, tuple[DataclassInstance, ...]] = {}
    for check in sorted(entry_points(group=_CHECK_GROUP), key=lambda check: check.name):
        try:
            results[check.name] = tuple(check.load()(environ))
        except EffmeterError:
            raise
        except Exception as error:  # a broken package must not hide the sensors
            reason = " ".join(str(error).split()) or type(error).__name__
            text = f"the check {check.name} cannot be made: {reason}"
            warnings.warn(text, EffmeterWarning, stacklevel=1)
    return results


def _daemon_status(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The status of the first shared recorder that answers."""
    for path in shared_sockets(environ):
        try:
            connection = connect(path, _ANSWER_TIMEOUT_S)
        except RecorderError:
            continue
        try:
            connection.send({"op": "status"})
            status = connection.expect("status", _ANSWER_TIMEOUT_S)
            return {name: fact for name, fact in status.items() if name != "op"}
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
        "remarks": list(diagnosis.remarks),
        "daemon": diagnosis.daemon,
        "checks": {
            name: [asdict(result) for result in results]
            for name, results in diagnosis.checks.items()
        },
    }


def _page_of(diagnosis: Diagnosis, page: Page) -> Page:
    channels = diagnosis.discovery.channels
    if channels:
        page.table(_HEADINGS, [_row(channel, diagnosis) for channel in channels])
    else:
        page.paragraph("No channel can be read on this machine.")
    for alike in _grouped(diagnosis.discovery.refusals):
        page.blank()
        _add_refusals(page, alike)
    for channel in channels:
        if channel.name in diagnosis.standing:
            page.blank()
            _add_standstill(page, channel, diagnosis)
    page.blank()
    _add_cover(page, diagnosis)
    for channel in channels:
        if channel.repeated_by:
            what = f"{channel.name} counts once: {channel.repeated_by} show the same counter"
            page.paragraph(what, "  ")
        if channel.may_repeat:
            what = f"{channel.name} may show the counter of {channel.may_repeat}: both count"
            page.paragraph(what, "  ")
    for remark in diagnosis.remarks:
        page.paragraph(remark, "  ")
    page.blank()
    page.paragraph(daemon_line(diagnosis.daemon))
    for results in diagnosis.checks.values():
        for result in results:
            page.paragraph(str(result))
    return page


def _row(channel: Channel, diagnosis: Diagnosis) -> tuple[str, ...]:
    return (
        channel.name,
        channel.component.value,
        channel.kind.value,
        channel.provenance.value,
        format_duration(channel.refresh_s),
        diagnosis.failures.get(channel.name, "yes"),
        channel.source,
    )


def _grouped(refusals: Sequence[Refusal]) -> list[list[Refusal]]:
    """Refusals that differ in their source alone, together."""
    groups: dict[tuple[object, ...], list[Refusal]] = {}
    for refusal in refusals:
        alike = (refusal.component, refusal.reason, refusal.remedy, refusal.present)
        groups.setdefault(alike, []).append(refusal)
    return list(groups.values())


def _add_refusals(page: Page, alike: Sequence[Refusal]) -> None:
    refusal = alike[0]
    heading = "Refused" if refusal.present else "Absent"
    sources = ", ".join(other.source for other in alike)
    page.paragraph(f"{heading}: {refusal.component} from {sources}: {refusal.reason}")
    for line in refusal.remedy.splitlines():
        page.verbatim(line, "    ")


def _add_standstill(page: Page, channel: Channel, diagnosis: Diagnosis) -> None:
    reason = diagnosis.failures[channel.name]
    page.paragraph(f"Stands still: {channel.name} from {channel.source}: {reason}")
    for line in standstill_remedy(channel, diagnosis.cover).splitlines():
        page.verbatim(line, "    ")


def _add_cover(page: Page, diagnosis: Diagnosis) -> None:
    cover = diagnosis.cover
    page.paragraph(f"A total sums: {', '.join(cover.names) or 'nothing, so no energy is known'}")
    for channel in cover.channels:
        if channel.name in cover.estimated:
            error = f"true within a factor of {channel.estimate_factor:g}"
            page.paragraph(f"estimated: {channel.name}, {error} ({channel.scope})", "  ")
    if cover.missing:
        page.paragraph(f"not measured, and in no total: {', '.join(cover.missing)}", "  ")
    if cover.partial:
        page.paragraph(f"incomplete, without {', '.join(cover.partial)}", "  ")
    reserve = [name for name, reason in cover.left_out if reason.endswith(IS_MEASURED)]
    if reserve:
        page.paragraph(f"in reserve, should a sensor fail: {', '.join(reserve)}", "  ")
    for name, reason in cover.left_out:
        if name in reserve:
            continue
        page.paragraph(f"left out: {name} ({diagnosis.failures.get(name, reason)})", "  ")
