"""``effmeter doctor``: the sensors of this machine, and how to enable those that refuse."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from effmeter.cli.diagnosis import Diagnosis, diagnose
from effmeter.cli.doctor_capture import CAPTURE_S, write_capture
from effmeter.cli.doctor_page import page_of
from effmeter.cli.options import FiniteRange, json_option, output_option
from effmeter.cli.output import emit
from effmeter.errors import UsageError
from effmeter.report.formatting import json_text
from effmeter.report.page import Page


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
    type=FiniteRange(min=0.5, max=120.0),
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
        emit(str(page_of(diagnosis, Page() if output else Page.for_stream())), output)


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
