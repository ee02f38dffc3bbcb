"""The sockets at which a shared recorder listens: made with their permissions, in a safe directory.

Nothing is changed by its path once it exists: another user could put something else there.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from effmeter.errors import RecorderError
from effmeter.wire.handshake import open_socket
from effmeter.wire.paths import is_trusted_socket, make_own_directory, owner_socket
from effmeter.wire.peer import peer_of

WAITING_CONNECTIONS = 1024
_ANSWER_TIMEOUT_S = 2.0
_OWNERS_MASK = 0o177
_GROUPS_MASK = 0o117


@contextlib.contextmanager
def listeners_at(path: Path, group_gid: int | None) -> Iterator[list[socket.socket]]:
    """The listening sockets of a recorder, which are removed at the end.

    With a group there are two: the first is for root and the owner alone, so that the members of
    the group cannot fill its queue of connections.
    """
    _prepare_directory(path, group_gid)
    kept = owner_socket(path)
    for place in (path, kept):
        _clear_stale(place)
    with contextlib.ExitStack() as made:
        if group_gid is None:
            yield [made.enter_context(_bound(path, _OWNERS_MASK))]
            return
        first = made.enter_context(_bound(kept, _OWNERS_MASK))
        with _effective_group(group_gid):
            second = made.enter_context(_bound(path, _GROUPS_MASK))
        yield [first, second]


@contextlib.contextmanager
def _bound(path: Path, mask: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    earlier_mask = os.umask(mask)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise RecorderError(f"{path} cannot be listened at: {error.strerror or error}") from error
    finally:
        os.umask(earlier_mask)
    try:
        listener.listen(WAITING_CONNECTIONS)
        yield listener
    finally:
        listener.close()
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def _effective_group(gid: int) -> Iterator[None]:
    """Make files of this group; RecorderError where the process may not."""
    earlier_gid = os.getegid()
    try:
        if gid != earlier_gid:
            os.setegid(gid)
    except OSError as error:
        raise RecorderError(
            "only root, or a process in that group, can serve it: start the daemon as root, or "
            "with sg GROUP"
        ) from error
    try:
        yield
    finally:
        if gid != earlier_gid:
            os.setegid(earlier_gid)


def _prepare_directory(path: Path, group_gid: int | None) -> None:
    """Make the directory where it is missing; RecorderError where others may change it."""
    directory = path.parent
    if not directory.exists():
        for_others = os.getuid() == 0 or group_gid is not None
        make_own_directory(directory, 0o755 if for_others else 0o700)
    try:
        facts = directory.stat()
    except OSError as error:
        raise RecorderError(f"{directory}: {error.strerror}") from error
    if facts.st_uid not in (0, os.getuid()):
        raise RecorderError(f"{directory} belongs to another user: use another --socket")
    # In a sticky directory others can make entries, but not replace ours.
    if facts.st_mode & 0o022 and not facts.st_mode & stat.S_ISVTX:
        raise RecorderError(f"other users can write to {directory}: chmod go-w {directory}")


def _clear_stale(path: Path) -> None:
    """Remove the socket of a dead daemon; RecorderError where one still listens."""
    if not path.is_symlink() and not path.exists():
        return
    if not is_trusted_socket(path):
        raise RecorderError(f"{path} is not a socket of yours: remove it or use --socket")
    try:
        running = open_socket(path, _ANSWER_TIMEOUT_S)
    except RecorderError:
        path.unlink()
        return
    with running:
        pid = peer_of(running).pid
    raise RecorderError(f"a recorder runs at {path} already (process {pid})")
