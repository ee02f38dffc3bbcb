"""The device that trains: its full name, and its identity among others of its kind."""

from dataclasses import dataclass
from typing import Any

from effmeter.errors import EffmeterError


@dataclass(frozen=True, slots=True)
class TrainingDevice:
    """A device that this machine has."""

    name: str
    """As a recipe names it: ``cpu``, ``cuda``, ``mps``."""
    identity: str
    """The same for one device under every number that programs see it under."""


def find_device(name: str) -> TrainingDevice:
    """The device of a name; ``auto`` is the accelerator if there is one. Loads torch.

    UsageError for a missing one, EffmeterError where torch is not installed.
    """
    try:
        import torch

        from effmeter.lab.workloads.training import choose_device
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
    device = choose_device(name)
    if device.type != "cuda":
        return TrainingDevice(device.type, device.type)
    properties: Any = torch.cuda.get_device_properties(device)
    identity = getattr(properties, "uuid", properties.name)
    return TrainingDevice(device.type, f"{device.type}-{identity}")


def not_installed(error: ModuleNotFoundError) -> EffmeterError:
    """One line with the command that installs what training needs."""
    extras = "fid" if error.name == "torch_fidelity" else "torch,data"
    return EffmeterError(
        f"{error.name} is not installed, and training needs it: "
        f'python -m pip install "effmeter[{extras}]"'
    )
