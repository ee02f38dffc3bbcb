"""Puts the stand-ins where programs of their own find them."""

import sys
from enum import StrEnum
from pathlib import Path

_ROOT = Path(__file__).parents[3]


class Trouble(StrEnum):
    """What goes wrong with a command."""

    HANGS = "hangs"
    REFUSES = "refuses"
    HALF = "prints half"
    GARBAGE = "prints garbage"
    FAILS_IN_PART = "fails in part"


def install_library(folder: Path, machine: Path) -> Path:
    """A folder for ``PYTHONPATH`` with a package ``amdsmi`` that shows the machine's GPUs."""
    package = folder / "amdsmi"
    package.mkdir(parents=True)
    source = f"""
import sys
from pathlib import Path

sys.path.append({str(_ROOT)!r})
from tests.simulated.amd.library import from_configuration

_library = from_configuration(Path({str(machine)!r}))


def __getattr__(name):
    return getattr(_library, name)
"""
    (package / "__init__.py").write_text(source)
    return folder


def install_command(folder: Path, printer: str, machine: Path) -> Path:
    """An executable named after the printer, ``rocm-smi 6`` say, that shows the machine's GPUs.

    Its troubles are read from the file ``trouble`` in the folder at each call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / printer.partition(" ")[0]
    source = f"""#!{sys.executable}
import sys
from pathlib import Path

sys.path.append({str(_ROOT)!r})
from tests.simulated.amd.commands import main

main({printer!r}, Path({str(machine)!r}), Path({str(folder / "trouble")!r}))
"""
    program.write_text(source)
    program.chmod(0o755)
    return program
