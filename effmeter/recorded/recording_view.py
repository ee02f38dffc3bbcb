"""What a run takes from its recording as a whole: files, channels and their readings."""

from collections.abc import Mapping
from pathlib import Path

from effmeter.channel import Channel
from effmeter.energy import Energy, Trace
from effmeter.energy.standstill import Stretch
from effmeter.recorded.readings import Samples
from effmeter.recorded.recorder_identity import RecorderIdentity, recorder_in
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Readings
from effmeter.runfile.format import Metadata


class RecordingView:
    """The part of a run that it shares with the other runs of its recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        """All that the files hold, of all runs."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that it was read from."""
        return self.recording.paths

    @property
    def metadata(self) -> Metadata:
        """What was known when the recording began."""
        return self.recording.metadata

    @property
    def host_names(self) -> tuple[str, ...]:
        """The hosts that recorded it."""
        return (self.machine[0],)

    @property
    def machine(self) -> tuple[str, str]:
        """The host that recorded it, and its boot; empty where the file does not say."""
        host = self.metadata.host
        return str(host.get("name") or ""), str(host.get("boot_id") or "")

    @property
    def recorders(self) -> tuple[RecorderIdentity, ...]:
        """The recorder that measured it, and its successor where it had one."""
        return tuple(recorder_in(part.metadata) for part in self.recording.parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The problems met while opening and reading the files: parts missing, damaged batches."""
        return self.recording.warnings

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Every channel, whether known at the beginning or appeared later, by name."""
        return self.recording.channels

    @property
    def disagreeing(self) -> Mapping[str, tuple[str, ...]]:
        """By channel, other sensors of the device that differ from it by more than both errors."""
        return self.recording.disagreeing

    @property
    def missed_deadlines(self) -> Mapping[str, int]:
        """How many readings came too late, by probe."""
        return self.recording.missed_deadlines

    def trace(self, channel: str) -> Trace | None:
        """The arithmetic over a channel's readings; None where it was never read."""
        return self.recording.trace(channel)

    def channel_energy(self, channel: str, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of one channel in a window; None where it is unknown. Computed once."""
        return self.recording.channel_energy(channel, begin_ns, end_ns)

    def readings(self, channel: str) -> Readings | None:
        """Where a channel was read; None where it never was."""
        return self.recording.readings(channel)

    def standing(self, channel: str) -> tuple[Stretch, ...]:
        """Where the counter of a channel stands still."""
        return self.recording.standing(channel)

    def samples(self, channel: str) -> Samples | None:
        """The readings of a channel one by one; None where it was never read."""
        return self.recording.samples(channel)
