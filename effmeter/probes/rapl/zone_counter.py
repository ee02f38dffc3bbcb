"""The open energy counter of one powercap zone."""

import os
from pathlib import Path

from effmeter.probes.base import Failure


class ZoneCounter:
    """Reads one ``energy_uj``; opened again after a failure.

    OSError or ValueError where it cannot be read to begin with.
    """

    __slots__ = ("_descriptor", "channel_name", "path")

    def __init__(self, path: Path, channel_name: str) -> None:
        self.path = path
        self.channel_name = channel_name
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            int(os.pread(self._descriptor, 32, 0))
        except (OSError, ValueError):
            self.close()
            raise

    def read(self) -> int | Failure:
        """The count (uJ), or why there is none."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self._descriptor, 32, 0))
        except OSError as error:
            self.close()
            return Failure(f"{self.path}: {error.strerror or error}")
        except ValueError:
            self.close()
            return Failure(f"{self.path}: it does not show a number")

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
