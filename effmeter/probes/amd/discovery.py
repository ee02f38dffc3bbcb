"""AMD GPUs: by AMD's library where it can be loaded, else by its commands.

See ``amd_library`` and ``amd_command`` for the channels. Nothing of AMD's is touched on a
machine that has no GPU of AMD on its bus.
"""

from collections.abc import Mapping
from pathlib import Path

from effmeter.clock import Clock
from effmeter.probes.amd import command as amd_command
from effmeter.probes.amd import library as amd_library
from effmeter.probes.amd.pci import amd_gpus
from effmeter.probes.amd.refusals import not_installed, part_of_processor
from effmeter.probes.base import Discovery


def find(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The GPUs that a tool of AMD's reads; the refusals of those on the bus that none does.

    A machine without a GPU of AMD hears nothing of it.
    """
    gpus = amd_gpus(sysfs)
    if not gpus:
        return Discovery()
    if all(gpu.integrated for gpu in gpus):
        return Discovery((), (part_of_processor(gpus[0].address),))
    by_library, missing = _by_library(sysfs, clock)
    if by_library.probes:
        return by_library
    by_command = amd_command.find(sysfs, environ, clock)
    if by_command.probes:
        return by_command
    refusals = (*by_library.refusals, *by_command.refusals)
    return Discovery((), refusals or (not_installed(missing),))


def _by_library(sysfs: Path, clock: Clock) -> tuple[Discovery, str]:
    """What the library finds; why it cannot be loaded, where that is so."""
    try:
        library = amd_library.load()
    except ImportError as error:
        addresses = ", ".join(gpu.address for gpu in amd_gpus(sysfs) if not gpu.integrated)
        reason = f"there is an AMD GPU ({addresses}), and none of AMD's tools ({error})"
        return Discovery(), reason
    return amd_library.find(library, sysfs, clock), ""
