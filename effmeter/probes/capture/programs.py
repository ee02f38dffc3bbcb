"""What the vendors' commands print: AMD's two, and macOS' ``powermetrics``."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.errors import ProbeError
from effmeter.probes.amd.formats import FORMATS
from effmeter.probes.apple.powermetrics import (
    PROGRAM,
    PROGRAM_VARIABLE,
    SAMPLERS,
    command_of,
)
from effmeter.probes.program_output import run_program

_TIMEOUT_S = 15.0
_PERIOD_S = 1.0
_AMD_FOLDER = "/opt/rocm/bin"
_POWERMETRICS_SAMPLES = 20


class ProgramCapture:
    """Calls the commands again and again in a thread of its own, until it is ended."""

    def __init__(
        self, environ: Mapping[str, str], now_ns: Callable[[], int], begin_ns: int
    ) -> None:
        self._commands = list(_commands(environ))
        self._now_ns = now_ns
        self._begin_ns = begin_ns
        self._outputs: list[dict[str, Any]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture-programs", daemon=True)
        self._thread.start()

    def end(self) -> list[dict[str, Any]]:
        """The calls in order, with all that was printed, once the last one has ended."""
        self._ended.set()
        self._thread.join()
        return self._outputs

    def _run(self) -> None:
        repeated = [command for command, is_repeated in self._commands if is_repeated]
        for command, _ in self._commands:
            self._outputs.append(self._called(command))
        while repeated and not self._ended.wait(_PERIOD_S):
            for command in repeated:
                self._outputs.append(self._called(command))

    def _called(self, command: Sequence[str]) -> dict[str, Any]:
        called_ns = self._now_ns() - self._begin_ns
        try:
            printed = run_program(command, _TIMEOUT_S)
        except ProbeError as error:
            answer: dict[str, Any] = {"error": str(error)}
        else:
            answer = {"printed": printed.text, "complaints": printed.complaints}
            answer["status"] = printed.status
        named = [Path(command[0]).name, *command[1:]]
        ended_ns = self._now_ns() - self._begin_ns
        return {"command": named, "called_ns": called_ns, "ended_ns": ended_ns} | answer


def _commands(environ: Mapping[str, str]) -> Iterator[tuple[Sequence[str], bool]]:
    """The commands that there are, and whether each answers anew at each call."""
    path = os.pathsep.join((environ.get("PATH", os.defpath), _AMD_FOLDER))
    for form in FORMATS:
        program = shutil.which(form.command, path=path)
        if program is not None:
            yield (program, *form.describe_options), False
            yield (program, *form.read_options), True
    stated = environ.get(PROGRAM_VARIABLE)
    if stated or (sys.platform == "darwin" and os.geteuid() == 0):
        for samplers in SAMPLERS:
            yield command_of(stated or PROGRAM, 0.2, samplers, _POWERMETRICS_SAMPLES), False
