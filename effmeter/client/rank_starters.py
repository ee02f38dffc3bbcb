"""Telling a rank from the programs that it starts: these inherit its launcher's variables.

A rank may itself be started by another process with its variables: a shell script, ``numactl``, a
profiler, a container's runtime, or a Python program that only starts others (``STARTERS``). Any
other Python program above a process is the rank, and the process is its child.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence

from effmeter.client.processes import Processes

STARTERS = frozenset({"accelerate", "conda", "effmeter", "hatch", "mamba", "nox", "pdm", "tox"})
"""Scripts and modules that start one program, without being it."""
_PYTHON = re.compile(r"(python|pypy)[0-9.]*t?", re.IGNORECASE)
_OPTIONS_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


def is_child_of_rank(
    processes: Processes, has_same_rank: Callable[[Mapping[str, str]], bool]
) -> bool:
    """Whether an ancestor with the variables of this process's rank is the rank itself.

    ``has_same_rank``: whether an environment names this rank of this launch. An ancestor whose
    environment cannot be read proves nothing.
    """
    for process in processes.ancestors():
        environment = processes.environment(process)
        if environment is None or not has_same_rank(environment):
            return False
        if _is_python_program(processes.command(process)):
            return True
    return False


def _is_python_program(command: Sequence[str]) -> bool:
    if not command or not _PYTHON.fullmatch(os.path.basename(command[0])):
        return False
    return _program_of_python(command[1:]) not in STARTERS


def _program_of_python(arguments: Sequence[str]) -> str:
    """The script or the package that Python runs; empty where it is neither."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _OPTIONS_WITH_VALUE:
            next(rest, "")
        elif argument.startswith("-") and argument.endswith("m"):  # also -Im
            return next(rest, "").partition(".")[0]
        elif argument.startswith("-") and argument.endswith("c"):
            return ""
        elif not argument.startswith("-"):
            return os.path.basename(argument)
    return ""
