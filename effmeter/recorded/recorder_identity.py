"""The recorder that measured a run, as its file names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from effmeter.runfile.format import Metadata


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
    sampling = metadata.sampling
    described = sampling.get("recorder_process")
    process = described if isinstance(described, Mapping) else {}
    return RecorderIdentity(
        _of(sampling, "recorder", str) or "",
        _of(process, "uid", int),
        _of(process, "user", str),
        _of(process, "pid", int),
        _moment(process.get("since_wall_s")),
        _of(process, "socket", str),
    )


def _of(described: Mapping[str, Any], name: str, kind: type) -> Any:
    value = described.get(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _moment(wall_s: Any) -> str | None:
    try:
        return datetime.fromtimestamp(int(wall_s), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
