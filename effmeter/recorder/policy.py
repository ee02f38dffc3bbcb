"""How a recorder serves: which users, at which rate, for how long."""

from dataclasses import dataclass

from effmeter.wire.peer import Peer


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """The decisions of the person who starts a recorder."""

    mode: str
    """``private`` (ends with its recordings) or ``shared`` (runs until it is stopped)."""
    owner_uid: int
    group_gid: int | None = None
    """The group whose members may record too; None: only the owner and root may."""
    others_rate_hz: float = 10.0
    """Limit on the sampling, and on the extra readings at marks, of users other than the owner."""
    socket: str = ""
    """The path at which the recorder is reached; for people to read."""

    @property
    def is_private(self) -> bool:
        """Whether the recorder ends with its recordings."""
        return self.mode == "private"

    def is_restricted(self, peer: Peer) -> bool:
        """Whether a user's rates and connections are limited: all but the owner's and root's."""
        return self.is_restricted_uid(peer.uid)

    def is_restricted_uid(self, uid: int) -> bool:
        """The same by the user's number."""
        return uid not in (0, self.owner_uid)

    def admits(self, peer: Peer) -> bool:
        """Whether a user may record."""
        if not self.is_restricted(peer):
            return True
        gid = self.group_gid
        return gid is not None and (peer.gid == gid or gid in peer.groups)
