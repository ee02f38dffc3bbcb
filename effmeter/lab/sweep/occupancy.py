"""One measured training at a time on a device, by advisory locks.

The sensors of a device cannot separate two programs that use it at once. A recorded training
therefore locks its device against other recorded trainings. A training on an accelerator also
holds a shared lock on the processor, which excludes trainings on the processor alone. The locks
are files in the user's runtime directory and are released when the program ends, however it ends.
The work of other users is recorded as contention.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from effmeter.errors import EffmeterError
from effmeter.wire.paths import make_own_directory, user_directory

PROCESSOR = "cpu"


class DeviceBusyError(EffmeterError):
    """Another recorded training uses the device; the text names its process."""


@contextmanager
def occupy(
    device: str, environ: Mapping[str, str], on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a device (``cpu``, or an accelerator's own name) for measured trainings.

    DeviceBusyError if another program holds it; with ``on_wait``, that is called with the holder
    and the call returns when the device is free. RecorderError where no lock can be kept.
    """
    directory = user_directory(environ)
    make_own_directory(directory, 0o700)
    with ExitStack() as held:
        wanted = {PROCESSOR: fcntl.LOCK_EX if device == PROCESSOR else fcntl.LOCK_SH}
        for name, mode in {**wanted, device: wanted.get(device, fcntl.LOCK_EX)}.items():
            held.enter_context(_locked(directory / f"measuring-{name}.lock", name, mode, on_wait))
        yield


@contextmanager
def _locked(
    path: Path, device: str, mode: int, on_wait: Callable[[str], None] | None
) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = f"{device} is in use by another measured training{_holder(descriptor)}"
            if on_wait is None:
                raise DeviceBusyError(f"{busy}: wait for it with --wait") from None
            on_wait(busy)
            fcntl.flock(descriptor, mode)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """The process that wrote its number last, if it still lives."""
    with suppress(ValueError, OSError):
        pid = int(os.pread(descriptor, 20, 0))
        os.kill(pid, 0)
        return f" (process {pid})"
    return ""
