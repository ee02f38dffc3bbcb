"""What another program prints, within a time."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from effmeter.errors import ProbeError

_END_TIMEOUT_S = 1.0


class Output(NamedTuple):
    """What a program printed, and how it ended."""

    text: str
    complaints: str
    status: int
    """Its exit status; negative: the signal that ended it."""


def run_program(command: Sequence[str], timeout_s: float) -> Output:
    """Run a program to its end; ProbeError where it cannot run or takes longer than allowed.

    It runs in a session of its own, so that it ends with all that it started, and out of reach
    of Ctrl-C.
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
    return Output(
        printed.decode(errors="replace"), complained.decode(errors="replace"), process.returncode
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program with all that it started; one that hangs in a driver is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_END_TIMEOUT_S)
