"""The paths at which recorders listen, and which sockets a client trusts."""

import contextlib
import itertools
import os
import re
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from effmeter.errors import RecorderError

SOCKET_VARIABLE = "EFFMETER_SOCKET"
RECORDING_VARIABLE = "EFFMETER_RECORDING"
SOCKET_NAME = "recorder.sock"
LOG_NAME = "recorder.log"
ROOT_DIRECTORY = Path("/run/effmeter") if Path("/run").is_dir() else Path("/var/run/effmeter")
_LONGEST_SOCKET_PATH = 100
_PRIVATE_PREFIX = "effmeter-"
_PRIVATE_NAME = re.compile(_PRIVATE_PREFIX + r"[a-z0-9_]{8}")
_PRIVATE_FILES = (SOCKET_NAME, LOG_NAME)
_SWEPT_AFTER_S = 60.0
_MOST_SWEPT = 100


def user_directory(environ: Mapping[str, str]) -> Path:
    """The runtime directory of this user's own recorders; not created here.

    ``sudo`` may leave the variable as it is: what root made there would shut its owner out.
    """
    base = environ.get("XDG_RUNTIME_DIR")
    with contextlib.suppress(OSError):
        if base and Path(base).is_dir() and Path(base).stat().st_uid == os.getuid():
            return Path(base) / "effmeter"
    return Path("/tmp") / f"effmeter-{os.getuid()}"  # noqa: S108 - its owner and mode are checked


def user_directory_at_hand(environ: Mapping[str, str]) -> Path:
    """That directory, made where it is missing; RecorderError where others can write to it.

    Its mode stays as it is: a shared recorder lets the members of a group in.
    """
    directory = user_directory(environ)
    try:
        facts = directory.lstat()
    except FileNotFoundError:
        make_own_directory(directory, 0o700)
        return directory
    except OSError as error:
        raise RecorderError(f"{directory}: {error.strerror}") from error
    others_write = stat.S_IMODE(facts.st_mode) & 0o022
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or others_write:
        raise RecorderError(f"{directory} is not this user's alone: remove it")
    return directory


def shared_socket(environ: Mapping[str, str]) -> Path:
    """Where a shared recorder of this user listens: root's serves the whole machine."""
    directory = ROOT_DIRECTORY if os.getuid() == 0 else user_directory(environ)
    return directory / SOCKET_NAME


def owner_socket(path: Path) -> Path:
    """The socket that a shared recorder of a group keeps for root and its owner.

    It has a queue of connections of its own, which the members of the group cannot fill.
    """
    return path.with_name(path.name + ".owner")


def shared_sockets(environ: Mapping[str, str]) -> Iterator[Path]:
    """The sockets of shared recorders that a client may use, its own user's first."""
    candidates = (user_directory(environ) / SOCKET_NAME, ROOT_DIRECTORY / SOCKET_NAME)
    reachable = (path for path in candidates if os.access(path, os.W_OK))
    return (path for path in reachable if is_trusted_socket(path))


def is_trusted_socket(path: Path) -> bool:
    """Whether a socket belongs to root or to this user: others could invent readings."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISSOCK(facts.st_mode) and facts.st_uid in (0, os.getuid())


def make_private_directory(environ: Mapping[str, str]) -> Path:
    """A fresh directory that only this user can enter, with a path short enough for a socket.

    Removes the directories that killed recorders of this user left beside it.
    """
    for base in (environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if base and len(base) < _LONGEST_SOCKET_PATH - 30 and os.access(base, os.W_OK | os.X_OK):
            sweep_private_directories(Path(base), time.time())
            return Path(tempfile.mkdtemp(prefix=_PRIVATE_PREFIX, dir=base))
    raise RecorderError("there is no writable directory for the recorder's socket: set TMPDIR")


def sweep_private_directories(base: Path, now_s: float) -> None:
    """Remove the private directories of this user's dead recorders; ``now_s``: the wall clock."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        found = (e for e in entries if _PRIVATE_NAME.fullmatch(e.name))
        for entry in itertools.islice(found, _MOST_SWEPT):
            with contextlib.suppress(OSError):
                facts = entry.stat(follow_symlinks=False)
                is_own = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
                # A recorder that starts has no socket yet.
                is_old = now_s - facts.st_mtime > _SWEPT_AFTER_S
                if is_own and is_old and _is_deserted(Path(entry.path)):
                    remove_private_directory(Path(entry.path))


def _is_deserted(home: Path) -> bool:
    """Whether nothing listens in a private directory, which holds nothing else."""
    if not {entry.name for entry in home.iterdir()} <= set(_PRIVATE_FILES):
        return False
    if not (home / SOCKET_NAME).exists():
        return (home / LOG_NAME).exists()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        try:
            sock.connect(str(home / SOCKET_NAME))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def remove_private_directory(home: Path) -> None:
    """Remove a private recorder's directory with the few files that it can hold."""
    for name in _PRIVATE_FILES:
        with contextlib.suppress(OSError):
            (home / name).unlink()
    with contextlib.suppress(OSError):
        home.rmdir()


def make_own_directory(path: Path, mode: int) -> None:
    """A runtime directory of this user at a known path; RecorderError if it is another user's."""
    try:
        missing = [folder for folder in path.parents if not folder.exists()]
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        for folder in missing:  # made with the user's umask, which may shut out the clients
            folder.chmod(mode)
        facts = path.lstat()
    except OSError as error:
        raise RecorderError(f"{path}: {error.strerror}") from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise RecorderError(f"{path} belongs to another user: remove it or use --socket")
    if stat.S_IMODE(facts.st_mode) != mode:
        path.chmod(mode)
