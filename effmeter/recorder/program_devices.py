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


class _Joined(NamedTuple):
    """A program in a recording."""

    recording: StatesDevices
    environ: Mapping[str, str]
    program: ProgramKey
    pid: int


class ProgramDevices:
    """States in each recording which devices its programs may use.

    ``discovery`` and ``own_devices``, what the recorder itself sees, are looked up at each use:
    sensors can be found while the recorder runs. ``trusts`` says whether a process sees
    the recorder's own devices; ``note_error`` receives a fault while one program's are stated anew.
    """

    def __init__(
        self,
        discovery: Callable[[], Discovery],
        own_devices: Callable[[], DeviceListing],
        trusts: Callable[[int], bool] = shares_boundary,
        note_error: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        self._note_error = note_error
        self._discovery = discovery
        self._own_devices = own_devices
        self._trusts = trusts
        self._awaited: dict[int, _Joined] = {}
        """The programs whose list has not come yet, by their connection."""
        self._stated: dict[int, tuple[_Joined, DeviceListing | None]] = {}
        """The others, with their list; None: there is none."""
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
        joined = _Joined(recording, variables_of(described), program, pid)
        if program.program_id and program not in self._listings:
            self._awaited[key] = joined
            recording.assume_devices(key, self._facts(joined, None))
        else:
            self._state(key, joined, self._listings.get(program))

    def receive(self, program: ProgramKey, listing: DeviceListing) -> None:
        """Take the list of a program, and state its devices where that was awaited."""
        self._listings.pop(program, None)
        self._listings[program] = listing
        mine = [known for known in self._listings if known.uid == program.uid]
        for known in mine[:-MOST_LISTINGS_PER_USER]:
            del self._listings[known]
        for key, joined in list(self._awaited.items()):
            if joined.program == program:
                del self._awaited[key]
                self._state(key, joined, listing)

    def restate(self) -> None:
        """Sensors have been found: state again what each program may use."""
        for key, (joined, listing) in self._stated.items():
            try:
                joined.recording.state_devices(key, self._facts(joined, listing))
            except Exception as error:  # one program's devices must not hide another's
                self._note_error(error)

    def leave(self, key: int) -> None:
        """A program leaves its recording: no list is awaited any more."""
        joined = self._awaited.pop(key, None)
        if joined is not None:
            self._state(key, joined, None)
        self._stated.pop(key, None)

    def forget(self, key: int) -> None:
        """A connection whose recording is over."""
        self._awaited.pop(key, None)
        self._stated.pop(key, None)

    def _state(self, key: int, joined: _Joined, listing: DeviceListing | None) -> None:
        self._stated[key] = joined, listing
        joined.recording.state_devices(key, self._facts(joined, listing))

    def _facts(self, joined: _Joined, listing: DeviceListing | None) -> dict[str, Any]:
        """By the program's own list, else by the recorder's inside the same boundary."""
        discovery = self._discovery()
        if listing is None and self._trusts(joined.pid):
            listing = self._own_devices()
        return device_facts(joined.environ, listing, discovery)
