"""How one recorder serves: for whom, how fast, and how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """What whoever starts a recorder decides."""

    mode: str
    """``private`` (ends with its work) or ``shared`` (until it is stopped)."""
    owner_uid: int
    others_rate_hz: float = 10.0
    """Cap on the sampling and on the extra readings at marks of users other than the owner."""
    group_gid: int | None = None
