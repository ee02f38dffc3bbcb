"""AMD GPUs, read by the commands ``rocm-smi`` and ``amd-smi`` where the library is missing.

==================  =========  =======  ======  ========  =======================  ==========
channel             component  kind     unit    refresh   scope                    provenance
==================  =========  =======  ======  ========  =======================  ==========
``amd-gpuN``        gpu (1)    counter  (2)     0.1 s     the GPU's package (1)    measured
``amd-gpuN-power``  gpu (1)    gauge    W       0.1 s     the same; within it      measured
==================  =========  =======  ======  ========  =======================  ==========

(1) As with the library, see ``amd_library``. (2) 2^-16 J by ``rocm-smi``, 1 mJ by ``amd-smi``.

One call shows all GPUs and takes some hundred milliseconds, so it is made once a second, and
each reading says between which moments it was taken. What is no whole output is a failure.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from effmeter.channel import Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.errors import ProbeError
from effmeter.probes.amd.formats import FORMATS, Format, Printed
from effmeter.probes.amd.gpu import (
    GAIN_ERROR_FRACTION,
    NOT_SHOWN,
    AmdGpu,
    AmdSensors,
    Seen,
    component_of,
    scope_of,
)
from effmeter.probes.amd.refusals import Admission, refused
from effmeter.probes.base import Discovery, Failure, Reading

TIMEOUT_S = 5.0
_END_TIMEOUT_S = 1.0
_USUAL_FOLDER = "/opt/rocm/bin"


class AmdCommandProbe:
    """Reads every GPU that a command lists; ProbeError where it gives no usable output.

    ``refusals`` tells of the GPUs that give no figure of their own.
    """

    period_s = 1.0

    def __init__(
        self,
        form: Format,
        program: Path,
        sysfs: Path,
        clock: Clock | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = form.command
        self._form = form
        self._program = program
        self._timeout_s = timeout_s
        self._now_ns = (clock or SystemClock()).now_ns
        self._admission = Admission(sysfs)
        self._sensors: dict[int, AmdSensors] = {}
        described = self._described()
        begun_ns = self._now_ns()
        printed = self._print(form.read_options)
        self._call_cost_s = (self._now_ns() - begun_ns) * 1e-9
        searched = [self._admit(i, gpu, described.get(i)) for i, gpu in sorted(printed.items())]
        self.refusals = tuple(refusal for refusal in searched if refusal is not None)
        self.channels = tuple(c for sensors in self._sensors.values() for c in sensors.channels)

    def read(self) -> list[Reading]:
        """One reading of every channel, all by one call of the command."""
        begun_ns = self._now_ns()
        printed: dict[int, Printed] = {}
        reason = f"{self.name} does not list the GPU"
        try:
            printed = self._print(self._form.read_options)
        except ProbeError as error:
            reason = str(error)
        between_ns = (begun_ns, self._now_ns())
        readings = []
        for index, sensors in self._sensors.items():
            gpu = printed.get(index)
            nothing = Seen(Failure(reason), Failure(reason))
            seen = nothing if gpu is None else self._seen(gpu)
            readings += sensors.readings(seen, between_ns, between_ns)
        return readings

    def close(self) -> None:
        """Nothing is held open between two calls."""

    def _described(self) -> dict[int, Printed]:
        """What does not change; it is done without where the version does not know the call."""
        try:
            return self._print(self._form.describe_options)
        except ProbeError:
            return {}

    def _print(self, options: Sequence[str]) -> dict[int, Printed]:
        output = run_command([str(self._program), *options], self._timeout_s)
        try:
            return self._form.parse(document_in(output))
        except ValueError as error:
            raise ProbeError(f"{self.name}: {error}; it printed {_beginning(output)}") from error

    def _seen(self, gpu: Printed) -> Seen:
        missing = Failure(f"{self.name}: {NOT_SHOWN}")
        return Seen(
            missing if gpu.count is None else gpu.count,
            missing if gpu.power_w is None else gpu.power_w,
        )

    def _admit(self, index: int, printed: Printed, described: Printed | None) -> Refusal | None:
        """Take in a GPU's sensors; why it has none of its own."""
        source = f"{self.name}, GPU {index}"
        facts = described or printed
        seen = self._seen(printed)
        die = printed.second_die
        refusal = self._admission.refuse(source, facts.address, facts.model, seen, die)
        if refusal is not None:
            return refusal
        gpu = replace(self._gpu(index, facts), averaged=printed.averaged)
        self._sensors[index] = AmdSensors(gpu, seen, self._now_ns())
        return None

    def _gpu(self, index: int, facts: Printed) -> AmdGpu:
        return AmdGpu(
            name=f"amd-gpu{index}",
            device=f"{facts.model or 'AMD GPU'} {facts.address}".strip(),
            counter_source=self._form.counter_source,
            gauge_source=self._form.gauge_source,
            averaged=facts.averaged,
            cap_w=facts.cap_w,
            component=component_of(facts.model),
            scope=scope_of(facts.model),
            unit_j=self._form.unit_j,
            gain_error_fraction=GAIN_ERROR_FRACTION + self._form.rounding_fraction,
            call_cost_s=self._call_cost_s,
        )


def run_command(command: Sequence[str], timeout_s: float) -> str:
    """What a command prints; ProbeError where it cannot run or takes longer than allowed.

    It runs in a session of its own, so that it ends with all that it started, and out of reach
    of Ctrl-C. Its status is not looked at: it fails too where only a part is not supported.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ProbeError(f"{command[0]}: {error.strerror or error}") from error
    try:
        printed, complained = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        raise ProbeError(f"{command[0]} did not answer within {timeout_s:g} s") from None
    output = printed.decode(errors="replace")
    return output if output.strip() else complained.decode(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command with all that it started; one that hangs in the driver is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_END_TIMEOUT_S)


def document_in(output: str) -> Any:
    """The JSON document in an output that may begin with warnings; ValueError if it is none."""
    lines = output.splitlines(keepends=True)
    for begin, line in enumerate(lines):
        if line.startswith(("{", "[")):
            try:
                return json.JSONDecoder().raw_decode("".join(lines[begin:]))[0]
            except json.JSONDecodeError:
                continue
    raise ValueError("no whole JSON document")


def find(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The GPUs that the first command lists which lists any; else what each complains of."""
    refusals: list[Refusal] = []
    path = os.pathsep.join((environ.get("PATH", os.defpath), _USUAL_FOLDER))
    for form in FORMATS:
        program = shutil.which(form.command, path=path)
        if program is None:
            continue
        try:
            probe = AmdCommandProbe(form, Path(program), sysfs, clock)
        except ProbeError as error:
            refusals.append(refused(form.command, str(error)))
            continue
        if probe.channels:
            return Discovery((probe,), probe.refusals)
        refusals += probe.refusals
    return Discovery((), tuple(refusals))


def _beginning(output: str) -> str:
    return repr(" ".join(output.split())[:120])
