"""A new run file that appears under its name once it is whole and on the disk."""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from effmeter.errors import RunFileError

UNFINISHED_SUFFIX = ".unfinished"


class NewRunFile:
    """Written beside its place under another name; ``commit`` gives it its own.

    A ``with`` that is left without ``commit`` removes it: no piece of a file ever looks like one.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        """Create the file that is written; RunFileError where it cannot be, or ``path`` exists.

        Args:
            path: Where the file is to appear.
            mode: Its permissions, less those that the umask takes.
        """
        self.path = path
        self.size = 0
        self._unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED_SUFFIX}")
        self._is_committed = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._unfinished, flags, stat.S_IMODE(mode) & 0o666)
        except FileExistsError as error:
            raise RunFileError(f"{path.parent} is no folder: choose another place") from error
        except OSError as error:
            raise RunFileError(f"{path} cannot be created: {error.strerror}") from error

    def append(self, frame: bytearray) -> None:
        """Write one frame, all of it; RunFileError."""
        view = memoryview(frame)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise RunFileError(f"{self.path} cannot be written: {error.strerror}") from error
        self.size += len(frame)

    def commit(self, *, replaces: bool = False) -> None:
        """Put the file on the disk and give it its name.

        Raises RunFileError where that fails. A file that is there already is an error too, unless
        this one ``replaces`` it: a reader then sees the one or the other, and never neither.
        """
        try:
            os.fsync(self._descriptor)
            if replaces:
                self._unfinished.replace(self.path)
            else:
                self._take_free_name()
            self._is_committed = True
            _sync_folder(self.path.parent)
        except FileExistsError as error:
            raise already_there(self.path) from error
        except OSError as error:
            raise RunFileError(f"{self.path} cannot be written: {error.strerror}") from error

    def _take_free_name(self) -> None:
        """Give the file its name; FileExistsError where that is taken, other OSErrors."""
        try:
            os.link(self._unfinished, self.path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
            try:
                self._unfinished.replace(self.path)
            except OSError:
                self.path.unlink()
                raise
        else:
            self._unfinished.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        if not self._is_committed:
            with contextlib.suppress(OSError):
                self._unfinished.unlink()


def already_there(path: Path) -> RunFileError:
    """The error that a file is there already."""
    return RunFileError(f"{path} is there already: choose another name")


def _sync_folder(folder: Path) -> None:
    """Make the file's name last over a loss of power; some file systems cannot."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
