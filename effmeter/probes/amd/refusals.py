"""What stands in the way of an AMD GPU's figures, and the commands that lift it."""

from effmeter.channel import Component, Refusal

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
IN_PROCESSOR = "part of the processor, whose energy counts it"
_KERNEL_LOG = "sudo dmesg | grep amdgpu  # the driver's own account"


def refused(source: str, reason: str, channel: str = "") -> Refusal:
    """A GPU that is there and cannot be read; ``channel`` is what it would be."""
    return Refusal(
        source, Component.GPU, reason, remedy_for(reason), leaves_unread=channel or "AMD GPUs"
    )


def part_of_another(source: str, reason: str) -> Refusal:
    """A GPU whose energy another sensor counts."""
    return Refusal(source, Component.GPU, reason, present=False)


def hidden(address: str) -> Refusal:
    """A GPU that belongs to other programs of the machine."""
    reason = "it is outside this cgroup or container"
    return Refusal(f"PCI {address}", Component.GPU, reason, present=False)


def not_installed(reason: str) -> Refusal:
    """A GPU on the bus for which there is no tool."""
    source = "amdsmi, rocm-smi and amd-smi"
    return Refusal(source, Component.GPU, reason, _INSTALL, leaves_unread="AMD GPUs")


def part_of_processor(address: str) -> Refusal:
    """A machine whose only GPU of AMD's is the graphics unit of its processor."""
    return part_of_another(f"PCI {address}", IN_PROCESSOR)


def remedy_for(reason: str) -> str:
    """The command that lifts what AMD's tools complain of, as far as there is one."""
    known = (remedy for sign, remedy in _REMEDIES.items() if sign.lower() in reason.lower())
    return next(known, _KERNEL_LOG)
