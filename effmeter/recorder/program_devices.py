"""The devices of the programs that are being recorded: each is listed in its own environment.

A short helper process of the program sends the list; see :mod:`.device_helper`. Until it comes,
the recorder's own list stands in for it inside the same boundary.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from effmeter.probes.base import DeviceListing, Discovery
from effmeter.recorder.visibility import device_facts, shares_boundary, variables_of

MOST_LISTINGS_PER_USER = 64


class ProgramKey(NamedTuple):
    """A program as it names itself to recorders; another user's cannot be named."""

    uid: int
    program_id: str
    """Empty where no list of its devices will come."""


class StatesDevices(Protocol):
    """A recording, as far as it matters here; ``key`` is a source in it."""

    def assume_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        """Let the live totals assume what is probably so."""

    def state_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        """Write down what is known."""


class _Awaited(NamedTuple):
    """A program whose list of devices has not come yet."""

    recording: StatesDevices
    environ: Mapping[str, str]
    program: ProgramKey
    pid: int


class ProgramDevices:
    """States in each recording which devices its programs may use.

    ``discovery`` is looked up at each use: sensors can be found while the recorder runs.
    ``trusts`` says whether a process sees the recorder's own devices.
    """

    def __init__(
        self,
        discovery: Callable[[], Discovery],
        trusts: Callable[[int], bool] = shares_boundary,
    ) -> None:
        self._discovery = discovery
        self._trusts = trusts
        self._awaited: dict[int, _Awaited] = {}
        self._listings: dict[ProgramKey, DeviceListing] = {}
        """The oldest first."""

    def enter(
        self,
        key: int,
        recording: StatesDevices,
        described: Mapping[str, Any],
        program: ProgramKey,
        pid: int,
    ) -> None:
        """State the devices of a program that joins a recording, or wait for its list.

        ``key``: its connection, and its source in the recording.
        """
        environ = variables_of(described)
        if program.program_id and program not in self._listings:
            self._awaited[key] = _Awaited(recording, environ, program, pid)
            recording.assume_devices(key, device_facts(environ, self._own(pid), self._discovery()))
            return
        listing = self._listings.get(program) or self._own(pid)
        recording.state_devices(key, device_facts(environ, listing, self._discovery()))

    def receive(self, program: ProgramKey, listing: DeviceListing) -> None:
        """Take the list of a program, and state its devices where that was awaited."""
        self._listings.pop(program, None)
        self._listings[program] = listing
        mine = [known for known in self._listings if known.uid == program.uid]
        for known in mine[:-MOST_LISTINGS_PER_USER]:
            del self._listings[known]
        for key, awaited in list(self._awaited.items()):
            if awaited.program == program:
                del self._awaited[key]
                facts = device_facts(awaited.environ, listing, self._discovery())
                awaited.recording.state_devices(key, facts)

    def leave(self, key: int) -> None:
        """A program leaves its recording: no list is awaited any more."""
        awaited = self._awaited.pop(key, None)
        if awaited is not None:
            facts = device_facts(awaited.environ, self._own(awaited.pid), self._discovery())
            awaited.recording.state_devices(key, facts)

    def forget(self, key: int) -> None:
        """A connection whose recording is over."""
        self._awaited.pop(key, None)

    def _own(self, pid: int) -> DeviceListing | None:
        """The recorder's own list, where a process is inside the same boundary."""
        return self._discovery().devices if self._trusts(pid) else None
