"""Whom a recorder serves, and with which limits."""

import pytest

from effmeter.recorder.policy import ServicePolicy
from effmeter.wire.peer import Peer

OWNER, ROOT = Peer(1, 1000, 1000), Peer(1, 0, 0)
MEMBER, FURTHER_MEMBER = Peer(1, 1001, 50), Peer(1, 1001, 1001, (7, 50))
STRANGER = Peer(1, 1001, 1001, (7,))


@pytest.mark.parametrize("peer", [OWNER, ROOT])
def test_the_owner_and_root_are_served_without_limits(peer: Peer) -> None:
    policy = ServicePolicy("shared", 1000)
    assert policy.admits(peer)
    assert not policy.is_restricted(peer)


@pytest.mark.parametrize("peer", [MEMBER, FURTHER_MEMBER, STRANGER])
def test_without_a_group_nobody_else_is_served(peer: Peer) -> None:
    assert not ServicePolicy("shared", 1000).admits(peer)


def test_the_members_of_the_group_are_served_with_limits() -> None:
    policy = ServicePolicy("shared", 1000, group_gid=50)
    assert [policy.admits(p) for p in (MEMBER, FURTHER_MEMBER, STRANGER)] == [True, True, False]
    assert policy.is_restricted(MEMBER)


def test_only_a_private_recorder_is_private() -> None:
    assert ServicePolicy("private", 1000).is_private
    assert not ServicePolicy("shared", 1000).is_private
