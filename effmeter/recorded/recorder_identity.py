"""The recorder that measured a run, as its file names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from effmeter.runfile.format import Metadata
from effmeter.typed_fields import Check, number, stated_fields, text, whole


@dataclass(frozen=True, slots=True)
class RecorderIdentity:
    """One recorder process; None stands for what a file does not say."""

    mode: str
    """``private`` (of this recording) or ``shared``; empty: the file does not say."""
    uid: int | None = None
    user: str | None = None
    pid: int | None = None
    since: str | None = None
    """When it began, ISO 8601 in UTC, to the second."""
    socket: str | None = None

    @property
    def owner(self) -> str:
        """Whose it is: a user's name, else the number; empty where neither is known."""
        return self.user or ("" if self.uid is None else f"uid {self.uid}")

    @property
    def kind(self) -> str:
        """``"private"``, ``"shared, of root"``; without the process."""
        if self.mode == "shared" and self.owner:
            return f"{self.mode}, of {self.owner}"
        return self.mode

    def __str__(self) -> str:
        """All that is known of it, for one line of a report."""
        parts = [self.kind or "unknown"]
        if self.pid is not None:
            parts.append(f"process {self.pid}")
        if self.mode == "shared":
            parts += [f"since {self.since}"] if self.since else []
            parts += [f"at {self.socket}"] if self.socket else []
        return ", ".join(parts)


def recorder_in(metadata: Metadata) -> RecorderIdentity:
    """The recorder of a file; a field of another type counts as not stated."""
    sampling = stated_fields(metadata.sampling, {"recorder": text})
    process = stated_fields(metadata.sampling.get("recorder_process"), _PROCESS_FIELDS)
    return RecorderIdentity(
        sampling.get("recorder", ""),
        process.get("uid"),
        process.get("user"),
        process.get("pid"),
        _moment(process.get("since_wall_s")),
        process.get("socket"),
    )


_YEAR_9999_S = 253_402_300_799
_PROCESS_FIELDS: Mapping[str, Check] = {
    "uid": whole(),
    "user": text,
    "pid": whole(),
    "since_wall_s": number(0, most=_YEAR_9999_S),
    "socket": text,
}


def _moment(wall_s: float | None) -> str | None:
    return None if wall_s is None else datetime.fromtimestamp(int(wall_s), UTC).isoformat()
