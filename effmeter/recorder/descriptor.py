"""The check of a descriptor that a client hands over, before anything is written to it."""

import fcntl
import os
import stat

from effmeter.wire.peer import Peer


def unfit_for_writing(descriptor: int, peer: Peer) -> str | None:
    """Why the recorder will not write to a descriptor; None where it will.

    It must be an empty regular file of the peer, open for writing, to which no recorder writes.
    """
    try:
        facts = os.fstat(descriptor)
    except OSError as error:
        return f"the file cannot be looked at: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return "the descriptor is not a regular file"
    if facts.st_uid != peer.uid:
        return "the file belongs to another user"
    if facts.st_size != 0:
        return "the file is not empty"
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    if flags & os.O_ACCMODE not in (os.O_WRONLY, os.O_RDWR):
        return "the file is not open for writing"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return "the file is locked by another program"
    os.lseek(descriptor, 0, os.SEEK_SET)
    return None
