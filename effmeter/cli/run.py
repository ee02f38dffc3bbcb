"""``effmeter run -- CMD``: record a command in any language."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Self

import click

from effmeter.cli.options import FiniteRange, label_option
from effmeter.cli.output import emit, say
from effmeter.client.files import is_path
from effmeter.client.request import DEFAULT_RATE_HZ, RecordingRequest
from effmeter.errors import UsageError
from effmeter.report.formatting import json_text
from effmeter.runfile.format import RUN_SUFFIX
from effmeter.status import COMPLETED, DetailedStatus, Status
from effmeter.tracking import Run
from effmeter.tracking.live import Summary

_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_LOOK_PERIOD_S = 0.5
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


@click.command("run")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The run file to write.  [default: runs/NAME-TIME.arrow]",
)
@click.option("--name", help="The name of the run.  [default: that of FILE or of the command]")
@label_option("A label of the run, such as size=2. Repeatable.")
@click.option(
    "--rate",
    "rate_hz",
    type=FiniteRange(0, 1000, min_open=True),
    default=DEFAULT_RATE_HZ,
    show_default=True,
    help="Readings per second.",
)
@click.option(
    "--recorder",
    type=click.Choice(["auto", "private", "shared"]),
    default="auto",
    show_default=True,
    help="A recorder for this run alone, the shared daemon, or the daemon if it is running.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print no summary.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, on stderr.")
@click.argument("command_line", nargs=-1, required=True, metavar="-- CMD [ARG]...")
def command(
    output: str | None,
    name: str | None,
    labels: Mapping[str, str],
    rate_hz: float,
    recorder: str,
    quiet: bool,
    as_json: bool,
    command_line: tuple[str, ...],
) -> int:
    """Record a command in any language, from its start to its end.

    Output, signals and exit status are those of the command; a summary follows on stderr. A
    program that calls effmeter.track() inside the command joins the same recording.

    Under srun or mpirun (srun effmeter run -- CMD), the ranks on one host share one recording,
    and each host writes a file of its own.
    """
    program = shutil.which(command_line[0])
    if program is None:
        raise UsageError(f"there is no command {command_line[0]!r}")
    if name is not None and is_path(name):
        raise UsageError(f"--name takes a name, not a path: use -o {name}")
    request = RecordingRequest(
        name or Path(output or command_line[0]).name.removesuffix(RUN_SUFFIX),
        {key: _number_or_text(value) for key, value in labels.items()},
        path=None if output is None else _as_path(output),
        rate_hz=rate_hz,
        recorder=recorder,
        join=output is None,
        is_wrapper=True,
    )
    with Run(request) as recorded:
        recorded.note("command", " ".join(command_line))
        status = _run_through(program, command_line, recorded)
        recorded.end(COMPLETED if status == 0 else _failure(status))
    if not quiet and not recorded.follows_another_rank:
        print_summary(recorded.summary(), as_json)
    return _exit_like(status)


def _as_path(output: str) -> str:
    path = output if output.endswith(RUN_SUFFIX) else f"{output}{RUN_SUFFIX}"
    return path if os.sep in path else os.path.join(os.curdir, path)


def _number_or_text(value: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _run_through(program: str, command: tuple[str, ...], recorded: Run) -> int:
    """Run the command to its end; its return code, negative for a signal that ended it."""
    with _Forwarding() as signals:
        try:
            # Descriptors pass through: MPI's launchers hand one to each rank, shells name some.
            child = subprocess.Popen(command, executable=program, close_fds=False)
        except OSError as error:
            raise UsageError(f"{command[0]} cannot be run: {error.strerror}") from error
        signals.forward_to(child)
        while True:
            try:
                return child.wait(_LOOK_PERIOD_S)
            except subprocess.TimeoutExpired:
                recorded.look_after()


class _Forwarding:
    """Signals go on to the command; those that come before it has started wait for it.

    Those of a terminal reach the whole group by themselves: passed on they would be two.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        ours = self._leave_to_child if _is_in_foreground() else self._forward
        for number in _FORWARDED:
            self._earlier[number] = signal.signal(number, self._forward)
        for number in _FROM_TERMINAL:
            self._earlier[number] = signal.signal(number, ours)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def forward_to(self, child: "subprocess.Popen[bytes]") -> None:
        """The command has started."""
        self._child = child
        while self._waiting:
            child.send_signal(self._waiting.pop(0))

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._waiting.append(number)
        else:
            self._child.send_signal(number)

    def _leave_to_child(self, _number: int, _frame: FrameType | None) -> None:
        pass


def _is_in_foreground() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _failure(status: int) -> DetailedStatus:
    if status < 0:
        return DetailedStatus(Status.FAILED, _signal_name(-status))
    return DetailedStatus(Status.FAILED, f"exit status {status}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"


def print_summary(summary: Summary, as_json: bool) -> None:
    """Print a run at a glance on stderr."""
    if as_json:
        emit(json_text(summary.as_mapping(), indent=None), err=True)
        return
    say(str(summary))
    if summary.path is not None:
        say(f"recorded in {os.path.relpath(summary.path)}")


def _exit_like(status: int) -> int:
    """End as the command did: by the same signal where one ended it, or 128 and its number."""
    if status < 0:
        sys.stdout.flush()
        with contextlib.suppress(OSError):  # SIGKILL has no handler that could be reset
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        return 128 - status
    return status
