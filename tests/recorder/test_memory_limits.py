"""The memory of rows that wait for a disk: bounded for a recording, a user and all users."""

import os

from effmeter.recorder.memory_limits import (
    OTHERS_BYTES,
    OWN_RECORDING_BYTES,
    RECORDING_BYTES,
    USER_BYTES,
    MemoryLimits,
)
from effmeter.recorder.policy import ServicePolicy
from effmeter.wire.peer import Peer

POLICY = ServicePolicy("shared", os.getuid(), 77)
MIB = 2**20


def taken_bytes(limits: MemoryLimits, uid: int, recordings: int) -> int:
    """How much a user's recordings can have waiting."""
    made = [limits.of_recording(Peer(1, uid, 1)) for _ in range(recordings)]
    return sum(MIB for limit in made for _ in range(200) if limit.take(MIB))


def test_a_recording_a_user_and_all_users_are_bounded() -> None:
    limits = MemoryLimits(POLICY)
    assert taken_bytes(limits, 54321, 1) == RECORDING_BYTES
    assert taken_bytes(limits, 54321, 60) == USER_BYTES - RECORDING_BYTES
    assert taken_bytes(limits, 54321, 60) == 0
    others = sum(taken_bytes(limits, uid, 60) for uid in range(60_000, 60_010))
    assert others == OTHERS_BYTES - USER_BYTES


def test_the_owner_has_a_limit_of_its_own() -> None:
    limits = MemoryLimits(POLICY)
    taken_bytes(limits, 54321, 60)
    assert taken_bytes(limits, os.getuid(), 2) == 2 * OWN_RECORDING_BYTES
