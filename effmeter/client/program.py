"""The description of this program that a recording holds."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_LIBRARIES = ("torch", "tensorflow", "jax", "numpy", "lightning", "transformers", "keras")
_LONGEST_TEXT = 2000


def describe_program(environ: Mapping[str, str], variables: Iterable[str] = ()) -> dict[str, Any]:
    """The command, its process and directory, and the values of the variables that are set.

    ``variables``: the names that restrict which devices the program may use.
    """
    return {
        **{name: environ[name][:_LONGEST_TEXT] for name in variables if name in environ},
        "pid": os.getpid(),
        "command": " ".join(sys.argv)[:_LONGEST_TEXT],
        "executable": sys.executable,
        "directory": _working_directory(),
    }


def library_versions() -> dict[str, str]:
    """Versions of the training libraries that the program has loaded."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found


def git_commit(directory: Path | None = None) -> str | None:
    """The commit checked out where the program runs, read from git's files; None if unknown."""
    try:
        here = directory or Path.cwd()
        git = next((d / ".git" for d in (here, *here.parents) if (d / ".git").exists()), None)
        return None if git is None else _commit_of(git)
    except (OSError, ValueError):
        return None


def _commit_of(git: Path) -> str | None:
    if git.is_file():  # a worktree names its own folder inside the repository's
        git = git.parent / git.read_text().removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = git / "commondir"
    shared = git / common.read_text().strip() if common.exists() else git
    if (shared / name).exists():
        return (shared / name).read_text().strip()
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
