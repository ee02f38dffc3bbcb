"""The run around a program or a block, and how a child process finds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from effmeter.client.rendezvous import Endpoint
from effmeter.wire.paths import RECORDING_VARIABLE, SOCKET_VARIABLE

RUN_FILE_VARIABLE = "EFFMETER_RUN_FILE"
RUN_ID_VARIABLE = "EFFMETER_RUN_ID"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A run inside which another one begins, and the recording that both share."""

    endpoint: Endpoint
    run_id: str | None = None

    def variables(self) -> dict[str, str]:
        """The environment variables by which a child process finds them."""
        found = {
            SOCKET_VARIABLE: self.endpoint.socket,
            RECORDING_VARIABLE: self.endpoint.recording,
            RUN_FILE_VARIABLE: self.endpoint.run_file,
        }
        return found if self.run_id is None else {**found, RUN_ID_VARIABLE: self.run_id}


def inherited(environ: Mapping[str, str]) -> Surroundings | None:
    """What the environment variables of a program name; None where it was started outside."""
    socket_path, recording = environ.get(SOCKET_VARIABLE), environ.get(RECORDING_VARIABLE)
    if not socket_path or not recording:
        return None
    endpoint = Endpoint(socket_path, recording, environ.get(RUN_FILE_VARIABLE, ""))
    return Surroundings(endpoint, environ.get(RUN_ID_VARIABLE) or None)
