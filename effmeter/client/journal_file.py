"""The file of the journal: opened only where it is this user's, and locked while it is changed."""

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_TIMEOUT_S = 0.05


def read_own(path: Path, most_bytes: int) -> bytes:
    """The beginning of a file of this user; OSError where the path is something else."""
    descriptor = open_own(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most_bytes)


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a regular file of this user; OSError where the path is something else."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        os.close(descriptor)
        raise OSError(f"{path} is no file of this user")
    return descriptor


def size_of(path: Path) -> int:
    """The bytes of a file; 0 where it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def swept_bytes(path: Path, most: int) -> int:
    """What the last sweep could not remove, from the first line; 0 without one."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            swept = json.loads(file.readline(100))["swept"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return swept if type(swept) is int and 0 <= swept <= most else 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the journal; OSError where another program holds it for too long."""
    descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
        try:
            yield
        finally:  # a child that another thread forked meanwhile has the descriptor too
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
