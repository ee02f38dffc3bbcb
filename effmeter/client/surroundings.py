"""The run around a program or a block, and how a child process finds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE

RUN_FILE_VARIABLE = "EFFMETER_RUN_FILE"
RUN_ID_VARIABLE = "EFFMETER_RUN_ID"
RANK_VARIABLE = "EFFMETER_RANK"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A recording that other programs may join, and its socket."""

    socket: str
    recording: str
    run_file: str


@dataclass(frozen=True, slots=True)
class TakenRank:
    """A rank of a launch, and the program that is this rank.

    Processes that it starts inherit the variables of its launcher, and are no ranks.
    """

    launch: str
    rank: int | None
    program: str

    def __str__(self) -> str:
        rank = "" if self.rank is None else self.rank
        return f"{self.launch}/{rank}/{self.program}"

    @classmethod
    def parse(cls, text: str) -> "TakenRank | None":
        """The rank in the text of an environment variable; None where there is none."""
        launch, _, rest = text.partition("/")
        rank, _, program = rest.partition("/")
        if not launch or not program or not (rank.isdecimal() or not rank):
            return None
        return cls(launch, int(rank) if rank else None, program)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A run inside which another one begins, and the recording that both share."""

    endpoint: Endpoint
    run_id: str | None = None
    taken: TakenRank | None = None
    """The rank that the program of the run is."""
    pid: int = 0
    """The process of the run; 0: unknown. A forked child finds its parent's in its context."""

    def variables(self) -> dict[str, str]:
        """The environment variables by which a child process finds them."""
        found = {
            SOCKET_VARIABLE: self.endpoint.socket,
            RECORDING_VARIABLE: self.endpoint.recording,
            RUN_FILE_VARIABLE: self.endpoint.run_file,
        }
        if self.run_id is not None:
            found[RUN_ID_VARIABLE] = self.run_id
        if self.taken is not None:
            found[RANK_VARIABLE] = str(self.taken)
        return found


def inherited(environ: Mapping[str, str]) -> Surroundings | None:
    """What the environment variables of a program name; None where it was started outside."""
    socket_path, recording = environ.get(SOCKET_VARIABLE), environ.get(RECORDING_VARIABLE)
    if not socket_path or not recording:
        return None
    endpoint = Endpoint(socket_path, recording, environ.get(RUN_FILE_VARIABLE, ""))
    taken = TakenRank.parse(environ.get(RANK_VARIABLE, ""))
    return Surroundings(endpoint, environ.get(RUN_ID_VARIABLE) or None, taken)
