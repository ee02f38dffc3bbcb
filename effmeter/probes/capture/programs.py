"""What the vendors' commands print: AMD's two, and macOS' ``powermetrics``."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.errors import ProbeError
from effmeter.probes.amd.formats import FORMATS
from effmeter.probes.apple.powermetrics import PROGRAM, PROGRAM_VARIABLE, command_of
from effmeter.probes.program_output import run_program

_TIMEOUT_S = 15.0
_REPEATS = 3
_AMD_FOLDER = "/opt/rocm/bin"
_POWERMETRICS_SAMPLES = 20


def program_outputs(
    environ: Mapping[str, str], now_ns: Callable[[], int], begin_ns: int
) -> list[dict[str, Any]]:
    """Each command that there is, with all that it prints and when it was called."""
    found = []
    for command in _commands(environ):
        called_ns = now_ns() - begin_ns
        try:
            printed = run_program(command, _TIMEOUT_S)
        except ProbeError as error:
            answer: dict[str, Any] = {"error": str(error)}
        else:
            answer = {"printed": printed.text, "complaints": printed.complaints}
            answer["status"] = printed.status
        named = [Path(command[0]).name, *command[1:]]
        ended_ns = now_ns() - begin_ns
        found.append({"command": named, "called_ns": called_ns, "ended_ns": ended_ns} | answer)
    return found


def _commands(environ: Mapping[str, str]) -> Iterator[Sequence[str]]:
    path = os.pathsep.join((environ.get("PATH", os.defpath), _AMD_FOLDER))
    for form in FORMATS:
        program = shutil.which(form.command, path=path)
        if program is not None:
            yield (program, *form.describe_options)
            yield from [(program, *form.read_options)] * _REPEATS
    stated = environ.get(PROGRAM_VARIABLE)
    if stated or (sys.platform == "darwin" and os.geteuid() == 0):
        yield command_of(stated or PROGRAM, 0.2, _POWERMETRICS_SAMPLES)
