"""Which chip a GPU of AMD is: by the number that it shows on the bus, since names vary by vendor.

``AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2`` is an MI250X by HPE; an MI210 is called MI200 too.
The name decides only where the number cannot be read.

Source: the PCI ID repository, and the kernel's ``drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c``.
"""

import re
from dataclasses import dataclass

from effmeter.channel import Component

BOTH_DIES = "both dies of the package"
_TWO_DIES = (0x7408, 0x740C)
"""MI250X and MI250: two dies, each a device on the bus, of which the first shows the package."""
_WITH_CORES = (0x74A0,)
"""MI300A: its socket holds processor cores too."""
_TWO_DIES_NAME = re.compile(r"MI250|MI200 \(MCM\)", re.IGNORECASE)
_WITH_CORES_NAME = re.compile("MI300A", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chip:
    """A GPU's kind."""

    model: str = ""
    """The name that a tool gives it; empty where none does."""
    number: int = 0
    """AMD's number of the chip (PCI device ID); 0 where it is unknown."""

    @property
    def has_two_dies(self) -> bool:
        """Whether its package holds two dies that are devices of their own."""
        if self.number:
            return self.number in _TWO_DIES
        return _TWO_DIES_NAME.search(self.model) is not None

    @property
    def component(self) -> Component:
        """What its figures cover."""
        if self.number:
            return Component.SOC if self.number in _WITH_CORES else Component.GPU
        return Component.SOC if _WITH_CORES_NAME.search(self.model) else Component.GPU

    @property
    def scope(self) -> str:
        """The same in words, where the component does not say it."""
        if self.component is Component.SOC:
            return "the socket: graphics, processor cores and memory"
        return BOTH_DIES if self.has_two_dies else ""
