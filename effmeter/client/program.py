"""What a program says of itself when it is recorded."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

_TOLD_VERSIONS = ("torch", "tensorflow", "jax", "numpy", "lightning", "transformers", "keras")
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
"""What of the environment tells which GPUs the program can see."""
_LONGEST_COMMAND = 2000


def describe_program() -> dict[str, Any]:
    """The command, its process, where it runs, and which GPUs it is told to use."""
    return {
        "pid": os.getpid(),
        "command": " ".join(sys.argv)[:_LONGEST_COMMAND],
        "executable": sys.executable,
        "directory": _working_directory(),
        **{n: os.environ[n][:_LONGEST_COMMAND] for n in GPU_VARIABLES if n in os.environ},
    }


def library_versions() -> dict[str, str]:
    """Versions of the training libraries that the program has loaded."""
    found = {"python": platform.python_version()}
    for name in _TOLD_VERSIONS:
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
