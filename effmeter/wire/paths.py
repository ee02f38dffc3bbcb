"""The paths at which recorders listen, and which sockets a client trusts."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from effmeter.errors import RecorderError

SOCKET_VARIABLE = "EFFMETER_SOCKET"
RECORDING_VARIABLE = "EFFMETER_RECORDING"
SOCKET_NAME = "recorder.sock"
ROOT_DIRECTORY = Path("/run/effmeter") if Path("/run").is_dir() else Path("/var/run/effmeter")
_LONGEST_SOCKET_PATH = 100


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
    """A fresh directory that only this user can enter, with a path short enough for a socket."""
    for base in (environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if base and len(base) < _LONGEST_SOCKET_PATH - 30 and os.access(base, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="effmeter-", dir=base))
    raise RecorderError("there is no writable directory for the recorder's socket: set TMPDIR")


def remove_private_directory(home: Path) -> None:
    """Remove a private recorder's directory with the few files that it can hold."""
    for name in (SOCKET_NAME, "recorder.log"):
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
