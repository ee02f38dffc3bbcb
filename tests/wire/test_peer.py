"""The identity of the process at the other end, and its death."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from effmeter.recorder.policy import ServicePolicy
from effmeter.wire.peer import Peer, peer_of, watch_death

PROGRAM = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.recv(1)"


def test_the_peer_of_a_pair_is_this_process() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.getuid(), os.getgid())


def test_only_user_zero_is_root() -> None:
    assert Peer(1, 0, 0).is_root
    assert not Peer(1, 1000, 0).is_root


def test_a_descriptor_shows_the_death_of_the_peer_though_its_socket_stays_open() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", PROGRAM, str(theirs.fileno())]
        program = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        descriptor = watch_death(ours, Peer(program.pid, os.getuid(), os.getgid()))
        # The pair's own peer is this process, so only the fallback by number can be watched here.
        if descriptor is None:
            program.kill()
            program.wait()
            return
        watched = os.pidfd_open(program.pid)
        try:
            assert select.select([watched], [], [], 0)[0] == []
            program.send_signal(signal.SIGKILL)
            assert select.select([watched], [], [], 20)[0] == [watched]
        finally:
            os.close(watched)
            os.close(descriptor)
            program.wait()


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root on Linux can become another user"
)
@pytest.mark.parametrize("count", [1, 40, 3000])
def test_the_supplementary_groups_of_another_user_are_seen(count: int) -> None:
    """A user in the group by its supplementary groups alone; Python's own call has room for 256."""
    gids = list(range(70_000, 70_000 + count))
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        place = Path(folder) / "s"
        Path(folder).chmod(0o755)
        listener.bind(str(place))
        listener.listen()
        place.chmod(0o777)
        connect = "import socket, sys; s = socket.socket(1); s.connect(sys.argv[1]); s.recv(1)"
        command = ["/usr/bin/env", "python3", "-c", connect, str(place)]
        program = subprocess.Popen(command, user=54_321, group=54_321, extra_groups=gids)
        try:
            listener.settimeout(20)
            accepted, _ = listener.accept()
            with accepted:
                peer = peer_of(accepted)
        finally:
            program.kill()
            program.wait()
    assert (peer.uid, peer.gid) == (54_321, 54_321)
    assert sorted(peer.groups) == gids
    assert ServicePolicy("shared", 0, gids[-1]).admits(peer)
    assert not ServicePolicy("shared", 0, 69_999).admits(peer)
