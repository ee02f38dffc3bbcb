"""How much memory the rows of recordings may take while their disks are slow: by user."""

from effmeter.recorder.policy import ServicePolicy
from effmeter.runfile.byte_limit import ByteLimit
from effmeter.wire.peer import Peer

OWN_RECORDING_BYTES = 64 * 2**20
RECORDING_BYTES = 8 * 2**20
USER_BYTES = 24 * 2**20
OTHERS_BYTES = 72 * 2**20
"""Of all restricted users together."""


class MemoryLimits:
    """The limits of recordings, each inside its user's, inside that of all restricted users."""

    def __init__(self, policy: ServicePolicy) -> None:
        self._policy = policy
        self._others = ByteLimit(OTHERS_BYTES)
        self._users: dict[int, ByteLimit] = {}

    def of_recording(self, peer: Peer) -> ByteLimit:
        """The limit of a new recording of a user."""
        if not self._policy.is_restricted(peer):
            return ByteLimit(OWN_RECORDING_BYTES)
        user = self._users.setdefault(peer.uid, ByteLimit(USER_BYTES, self._others))
        return ByteLimit(RECORDING_BYTES, user)
