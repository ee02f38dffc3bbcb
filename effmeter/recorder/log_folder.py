"""The folder of the machine's log: whose it must be, and how its files are made."""

import contextlib
import fcntl
import os
import re
import stat
import time
from pathlib import Path

from effmeter.errors import RecorderError
from effmeter.runfile.format import RUN_SUFFIX

_MOST_OF_ONE_NAME = 100


class LogFolder:
    """Holds the folder open: no link can put another in its place afterwards."""

    def __init__(self, path: Path) -> None:
        """Open the folder, or make it for this user alone.

        Raises RecorderError where it cannot be made, or another user may change it.
        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(path, flags)
        except OSError as error:
            raise RecorderError(f"{path} cannot hold the log: {error.strerror}") from error
        facts = os.fstat(self._descriptor)
        if facts.st_uid != os.geteuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            os.close(self._descriptor)
            raise RecorderError(
                f"{path} cannot hold the log: another user may write to it; make it this user's "
                "own, without write permission for others (chmod go-w)"
            )
        self._mode = 0o600 | stat.S_IMODE(facts.st_mode) & (stat.S_IRGRP | stat.S_IROTH)

    def create(self, host: str, wall_ns: int) -> tuple[str, int]:
        """A new file named after a host and a moment: its name, and its descriptor, locked.

        Who may list the folder may read the file. Raises OSError where it cannot be made.
        """
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", host).strip("-.") or "machine"
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall_ns // 10**9))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        for number in range(1, _MOST_OF_ONE_NAME):
            again = "" if number == 1 else f"-{number}"
            name = f"{plain}-{moment}{again}{RUN_SUFFIX}"
            try:
                descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
            except FileExistsError:
                continue
            os.fchmod(descriptor, self._mode)
            with contextlib.suppress(OSError):  # some network file systems know no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return name, descriptor
        raise FileExistsError(f"{_MOST_OF_ONE_NAME} files of {moment} are there already")

    def remove(self, name: str) -> None:
        """Remove a file in which nothing was recorded."""
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._descriptor)

    def newest_wall_ns(self) -> int | None:
        """When anything was last written to a file of the log; None: there is none."""
        names = (name for name in os.listdir(self._descriptor) if name.endswith(RUN_SUFFIX))
        moments = []
        for name in names:
            with contextlib.suppress(OSError):
                facts = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
                moments.append(facts.st_mtime_ns)
        return max(moments, default=None)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._descriptor)
