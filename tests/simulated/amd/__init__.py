"""AMD GPUs that exist only in a test: their library, their commands and their place on the bus.

A ``SimulatedAmdGpu`` follows a waveform; its faults are parameters. Three stand-ins show it:

- ``SimulatedAmdSmi``, what the package ``amdsmi`` is to a probe that is handed it,
- ``install_library``, the same as a package ``amdsmi`` for programs of their own,
- ``install_command``, executables ``rocm-smi`` and ``amd-smi`` that print what a version prints.

``place_on_bus`` lists the GPUs in a folder that stands for sysfs.
"""

from tests.simulated.amd.bus import place_on_bus
from tests.simulated.amd.gpu import SimulatedAmdGpu, save
from tests.simulated.amd.install import Trouble, install_command, install_library
from tests.simulated.amd.library import SimulatedAmdSmi, SimulatedError

__all__ = [
    "SimulatedAmdGpu",
    "SimulatedAmdSmi",
    "SimulatedError",
    "Trouble",
    "install_command",
    "install_library",
    "place_on_bus",
    "save",
]
