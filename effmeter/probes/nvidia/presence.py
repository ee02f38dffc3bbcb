"""Whether a machine has an NVIDIA GPU that NVML does not list: absence needs proof.

A GPU is absent only where every place that could show it was read: the PCI bus, and what Windows
passes through to WSL2 (``/dev/dxg``), which is on no bus. The GPU of a Jetson is on none either;
``hwmon.ina3221`` answers for it.
"""

import ctypes
import sys
from pathlib import Path

from effmeter.channel import Component, Refusal
from effmeter.probes.device_tree import jetson_model
from effmeter.probes.pci import unlisted_reason

LIBRARY = "libnvidia-ml.so.1"
_WSL_REMEDY = "\n".join(
    (
        "wsl --update  # in Windows, after installing its driver of the GPU's vendor",
        "export LD_LIBRARY_PATH=/usr/lib/wsl/lib  # where WSL2 keeps libnvidia-ml.so.1",
    )
)


def not_on_bus(sysfs: Path, answer: str) -> Refusal:
    """The refusal where neither NVML nor the PCI bus lists a GPU; ``answer`` is NVML's."""
    if is_passed_through(sysfs):
        reason = f"Windows passes a GPU through to WSL2 (/dev/dxg), and NVML shows none ({answer})"
        return Refusal("NVML", Component.GPU, reason, _WSL_REMEDY, leaves_unread="the WSL2 GPU")
    if model := jetson_model(sysfs):
        reason = f"NVML shows no power of the GPU of a Jetson ({model}); its supply rails do"
        return Refusal("NVML", Component.GPU, reason, present=False)
    has_sysfs = sys.platform == "linux" or sysfs.is_dir()
    unlisted = unlisted_reason(sysfs) if has_sysfs else ""
    if unlisted:
        reason = f"whether this machine has an NVIDIA GPU is unknown: {unlisted} ({answer})"
        remedy = "export EFFMETER_SYSFS=/host/sys  # where the host's sysfs can be read"
        return Refusal("NVML", Component.GPU, reason, remedy)
    reason = f"no NVIDIA GPU on this machine ({answer})"
    return Refusal("NVML", Component.GPU, reason, present=False)


def can_load(library: str) -> bool:
    """Whether a library of the driver is here. Importing pynvml takes a hundred times longer."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def shown_by_rails() -> Refusal:
    """The refusal where the supply rails of a Jetson show its only GPU, whatever NVML answers."""
    reason = "the supply rails show the GPU of this Jetson"
    return Refusal("NVML", Component.GPU, reason, present=False)


def is_passed_through(sysfs: Path) -> bool:
    """Whether the machine is WSL2 with a GPU of Windows: its driver is no PCI driver."""
    return any(
        path.exists() for path in (sysfs / "class" / "misc" / "dxg", sysfs.parent / "dev" / "dxg")
    )
