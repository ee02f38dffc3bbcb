"""The process at the other end of a socket: its identity, its death, and writing as its user."""

import ctypes
import errno
import os
import platform
import select
import socket
import struct
import sys
from dataclasses import dataclass

_SO_PEERGROUPS = 59
_SO_PEERPIDFD = 77
_LOCAL_PEERPID = 2
_SOL_LOCAL = 0
_MOST_BYTES = 1024
"""The longest answer for which Python's ``getsockopt`` has room: 256 groups."""
_MOST_GROUPS = 65536
"""The most groups that Linux lets a process have."""
_THREAD_CALLS = {  # setgroups, setresgid, setresuid of the kernel, which act on one thread alone
    "x86_64": (116, 119, 117),
    "aarch64": (159, 149, 147),
    "riscv64": (159, 149, 147),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """The connected process, as the kernel reports it."""

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether it runs as the superuser."""
        return self.uid == 0


def peer_of(sock: socket.socket) -> Peer:
    """The peer of a connected Unix socket; OSError where the kernel does not report it."""
    if sys.platform == "linux":
        pid, uid, gid = struct.unpack(
            "3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        return Peer(pid, uid, gid, _groups(sock))
    else:  # noqa: RET505 - mypy skips a platform's branch, not what follows a return
        return _peer_by_xucred(sock)


def _groups(sock: socket.socket) -> tuple[int, ...]:
    """The supplementary groups; none where the kernel does not report them."""
    try:
        packed = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError as error:
        packed = _many_groups(sock) if error.errno == errno.ERANGE else b""
    return struct.unpack(f"{len(packed) // 4}I", packed)


def _many_groups(sock: socket.socket) -> bytes:
    """More groups than Python's own call has room for."""
    room = ctypes.create_string_buffer(_MOST_GROUPS * 4)
    length = ctypes.c_uint32(len(room))
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.getsockopt(
        sock.fileno(), socket.SOL_SOCKET, _SO_PEERGROUPS, room, ctypes.byref(length)
    )
    return b"" if failed else room.raw[: length.value]


def _peer_by_xucred(sock: socket.socket) -> Peer:
    """macOS: ``struct xucred`` by LOCAL_PEERCRED, the process by LOCAL_PEERPID."""
    cred = sock.getsockopt(_SOL_LOCAL, 1, 76)
    _, uid, count = struct.unpack_from("IIh", cred)
    groups = struct.unpack_from(f"{max(count, 1)}I", cred, 12)
    (pid,) = struct.unpack("i", sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID, 4))
    return Peer(pid, uid, groups[0], groups)


def watch_death(sock: socket.socket, peer: Peer) -> int | None:
    """A descriptor that turns readable when the peer's process ends; None where there is none.

    Hanging up is not enough: forked children of the peer hold the socket open.
    """
    if sys.platform == "linux":
        return _pidfd(sock, peer.pid)
    else:  # noqa: RET505
        return _kqueue_of(peer.pid)


def _pidfd(sock: socket.socket, pid: int) -> int | None:
    try:
        (descriptor,) = struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4))
        return int(descriptor)
    except OSError:
        pass
    try:
        return os.pidfd_open(pid) if pid > 0 else None
    except OSError:
        return None


def _kqueue_of(pid: int) -> int | None:
    if sys.platform != "linux":
        queue = select.kqueue()
        event = select.kevent(
            pid,
            filter=select.KQ_FILTER_PROC,
            flags=select.KQ_EV_ADD,
            fflags=select.KQ_NOTE_EXIT,
        )
        try:
            queue.control([event], 0)
            return os.dup(queue.fileno())
        except OSError:
            return None
        finally:
            queue.close()
    return None


def become_in_this_thread(peer: Peer) -> None:
    """Let this thread alone act as the peer, so that its quotas and reserved blocks hold.

    Only the effective identity changes: real and saved stay root, or the peer could signal the
    thread and with it the whole process. OSError where the kernel refuses: the caller must not
    write then.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        calls = _THREAD_CALLS.get(platform.machine())
        if calls is None:
            raise OSError(f"writing as another user is not known on {platform.machine()}")
        setgroups, setresgid, setresuid = calls
        keep = ctypes.c_int(-1)
        _must(libc.syscall(setgroups, 0, None))
        _must(libc.syscall(setresgid, keep, ctypes.c_uint(peer.gid), keep))
        _must(libc.syscall(setresuid, keep, ctypes.c_uint(peer.uid), keep))
    else:
        _must(libc.pthread_setugid_np(peer.uid, peer.gid))


def _must(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
