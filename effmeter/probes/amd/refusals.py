"""What stands in the way of an AMD GPU's figures, and the commands that lift it."""

from pathlib import Path

from effmeter.channel import Component, Refusal
from effmeter.probes.amd.gpu import Seen
from effmeter.probes.amd.pci import amd_gpus
from effmeter.probes.base import Failure

_GROUPS = "sudo usermod -aG render,video $USER  # then log in again"
_INSTALL = "\n".join(
    (
        "pip install 'effmeter[amd]'  # beside ROCm's library: sudo apt install amd-smi-lib",
        "sudo apt install rocm-smi-lib  # or the command alone, which is slower",
    )
)
_REMEDIES = {
    "NO_PERM": _GROUPS,
    "Permission denied": _GROUPS,
    "/dev/kfd": _GROUPS,
    "DRIVER_NOT_LOADED": "sudo modprobe amdgpu",
    "Driver not initialized": "sudo modprobe amdgpu",
}
_IN_PROCESSOR = "part of the processor, whose energy counts it"
_KERNEL_LOG = "sudo dmesg | grep amdgpu  # the driver's own account"


def refused(source: str, reason: str) -> Refusal:
    """A GPU that is there and cannot be read."""
    return Refusal(source, Component.GPU, reason, remedy_for(reason))


class Admission:
    """Which of the GPUs that a tool lists are read, so that none is counted twice."""

    def __init__(self, sysfs: Path) -> None:
        self._integrated = {gpu.address for gpu in amd_gpus(sysfs) if gpu.integrated}
        self._boards: set[str] = set()

    def refuse(
        self, source: str, address: str, model: str, seen: Seen, second_die: bool = False
    ) -> Refusal | None:
        """Why a GPU has no channel of its own; None for one that is read from now on."""
        board = address.rpartition(".")[0]
        if address in self._integrated:
            return _part_of_another(source, _IN_PROCESSOR)
        if board and board in self._boards:
            return _part_of_another(source, "a partition: the first one shows the whole GPU")
        if second_die or _is_second_die(model, seen):
            return _part_of_another(source, "a second die: the first one shows the package")
        reasons = [value.reason for value in seen if isinstance(value, Failure)]
        if len(reasons) == len(seen):
            return refused(source, "; ".join(dict.fromkeys(reasons)))
        self._boards.add(board)
        return None


def _is_second_die(model: str, seen: Seen) -> bool:
    """Whether it is the die of an MI250 whose figures the first die shows: it has none."""
    silent = all(value == 0 or isinstance(value, Failure) for value in seen)
    return silent and "MI250" in model.upper()


def _part_of_another(source: str, reason: str) -> Refusal:
    return Refusal(source, Component.GPU, reason, present=False)


def not_installed(reason: str) -> Refusal:
    """A GPU on the bus for which there is no tool."""
    return Refusal("amdsmi, rocm-smi and amd-smi", Component.GPU, reason, _INSTALL)


def part_of_processor(address: str) -> Refusal:
    """A machine whose only GPU of AMD's is the graphics unit of its processor."""
    return _part_of_another(f"PCI {address}", _IN_PROCESSOR)


def remedy_for(reason: str) -> str:
    """The command that lifts what AMD's tools complain of, as far as there is one."""
    known = (remedy for sign, remedy in _REMEDIES.items() if sign.lower() in reason.lower())
    return next(known, _KERNEL_LOG)
