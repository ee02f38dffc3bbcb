"""What a program asks of a recorder, and how it describes itself."""

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from effmeter.client.files import name_of
from effmeter.client.launch_detection import Launch
from effmeter.client.program import describe_program, git_commit, library_versions
from effmeter.errors import EffmeterError, UsageError
from effmeter.state.calibration import calibration_path, load_calibrations
from effmeter.wire.handshake import Greeting
from effmeter.wire.protocol import MAX_LABELS, Message

DEFAULT_RATE_HZ = 10.0
CHOICES = ("auto", "private", "shared")


PROGRAM_ID = secrets.token_hex(8)
"""How this program names itself to recorders, so that they know whose devices a list holds."""


def needs_listing(greeting: Greeting | None) -> bool:
    """Whether a recorder with which this program begins may see other devices than it does."""
    return greeting is not None and greeting.mode != "private"


class RunIdentity(NamedTuple):
    """A run, and the run inside which it began."""

    run_id: str
    parent_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """What a program wants recorded, and how; UsageError where a value is out of range."""

    name: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    directory: Path | None = None
    rate_hz: float = DEFAULT_RATE_HZ
    recorder: str = "auto"
    join: bool = True
    root_id: int = 0
    path: str | None = None
    """The run's file; by default ``name`` where that is a path, else a new one named after it."""
    is_wrapper: bool = False
    """Whether another program does the work: as a rank, that one is the rank too."""

    def __post_init__(self) -> None:
        if self.recorder not in CHOICES:
            raise UsageError(f"recorder is one of {', '.join(CHOICES)}, not {self.recorder!r}")
        if not 0 < self.rate_hz <= 1000:
            raise UsageError(f"rate_hz is above 0 and at most 1000, not {self.rate_hz}")

    def begin_message(
        self, identity: RunIdentity, launch: Launch | None, greeting: Greeting | None, **more: Any
    ) -> Message:
        """The message that begins a recording; the descriptor of its file goes with it.

        A private recorder is begun with by the program that started it: both see one machine.
        """
        return {
            "op": "begin",
            **self._describe_source(identity, launch, greeting),
            "program_id": PROGRAM_ID if needs_listing(greeting) else None,
            "rate_hz": float(self.rate_hz),
            "git_commit": git_commit(),
            "versions": library_versions(),
            "calibrations": kept_calibrations(),
            **more,
        }

    def join_message(
        self,
        recording: str,
        identity: RunIdentity,
        launch: Launch | None,
        greeting: Greeting | None,
    ) -> Message:
        """The message that joins a recording."""
        described = self._describe_source(identity, launch, greeting)
        return {"op": "join", "recording": recording, **described, "program_id": PROGRAM_ID}

    def _describe_source(
        self, identity: RunIdentity, launch: Launch | None, greeting: Greeting | None
    ) -> Message:
        variables = () if greeting is None else greeting.variables
        return {
            "run_id": identity.run_id,
            "parent_run_id": identity.parent_run_id,
            "name": name_of(self.name),
            "labels": dict(self.labels),
            "host": socket.gethostname(),
            "rank": None if launch is None else launch.rank,
            "local_rank": None if launch is None else launch.local_rank,
            "job": None if launch is None else launch.job,
            "program": describe_program(os.environ, variables),
            "id": self.root_id,
        }


def kept_calibrations() -> dict[str, str]:
    """The calibrations of this host's sensors, as JSON; none where they cannot be read.

    A recording without them is whole: its channels state the errors of uncalibrated sensors.
    """
    with contextlib.suppress(EffmeterError):
        kept = load_calibrations(calibration_path(os.environ), socket.gethostname())
        newest = sorted(kept.items(), key=lambda item: item[1].date)[-MAX_LABELS:]
        return {sensor: json.dumps(asdict(calibration)) for sensor, calibration in newest}
    return {}
