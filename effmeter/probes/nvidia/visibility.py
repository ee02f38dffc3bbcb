"""Which GPUs a program can see, by ``CUDA_VISIBLE_DEVICES``.

The list may hold numbers, UUIDs of GPUs or unique beginnings of them (``GPU-8932f937``), and
MIG instances (``MIG-<uuid>``, or ``MIG-GPU-<uuid>/<instance>/<instance>`` of older drivers). It
is valid up to its first entry that names no device; where an entry comes twice, none is seen.
Numbers count in the order of ``CUDA_DEVICE_ORDER``: NVML's own is that of the PCI addresses,
while CUDA's default puts the fastest first, which NVML cannot tell among different GPUs.

Sources: NVIDIA, CUDA C++ Programming Guide, *CUDA Environment Variables*, and MIG User Guide;
PyTorch's ``torch.cuda._parse_visible_devices`` for what drivers do with odd lists.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from effmeter.channel import Channel
from effmeter.probes.base import Visibility
from effmeter.probes.nvidia.channels import Gpu

DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER_VARIABLE = "CUDA_DEVICE_ORDER"
VARIABLES = (DEVICES_VARIABLE, ORDER_VARIABLE)
_PCI_ORDER = "PCI_BUS_ID"
_NUMBER = re.compile(r"\s*([+-]?\d+)")


class Selection(NamedTuple):
    """The GPUs that a program can see; None: it is not restricted, or that cannot be told."""

    uuids: tuple[str, ...] | None
    reason: str = ""
    """Why it cannot be told."""


def visibility_of(
    environ: Mapping[str, str],
    gpus: Sequence[Gpu],
    channels: Sequence[Channel],
    same_devices: bool,
) -> Visibility:
    """Which of the channels are of GPUs that are hidden from a program with these variables."""
    selection = visible_gpus(environ, gpus, same_devices)
    if selection.uuids is None:
        return Visibility(reason=selection.reason)
    hidden = [gpu.uuid for gpu in gpus if gpu.uuid and gpu.uuid not in selection.uuids]
    names = (c.name for c in channels if any(uuid in c.device for uuid in hidden))
    return Visibility(tuple(names), selection.uuids)


class _UnknownError(Exception):
    """A number that may be any of several GPUs."""


def visible_gpus(
    environ: Mapping[str, str], gpus: Sequence[Gpu], same_devices: bool = True
) -> Selection:
    """Which of the GPUs a program with these variables can see, by UUID, in its own order.

    ``same_devices``: whether it counts the same GPUs as are listed here; in a container it may
    see others under the same numbers.
    """
    listed = environ.get(DEVICES_VARIABLE)
    if listed is None:
        return Selection(None)
    numbered = _numbered(environ.get(ORDER_VARIABLE, ""), gpus, same_devices)
    try:
        seen = list(_resolved(listed, gpus, numbered))
    except _UnknownError as error:
        return Selection(None, str(error))
    entries = [entry for entry, _ in seen]
    if len(set(entries)) < len(entries):
        return Selection(())
    return Selection(tuple(dict.fromkeys(uuid for _, uuid in seen)))


def _numbered(order: str, gpus: Sequence[Gpu], same_devices: bool) -> list[str] | str:
    """The UUIDs in the order that the program's numbers count in; a text: why that is unknown."""
    if not same_devices:
        return "its numbers may count other GPUs: it runs in a container of its own"
    if any(not gpu.uuid for gpu in gpus):
        return "its numbers cannot be told: a GPU does not answer"
    if order != _PCI_ORDER and len({gpu.name for gpu in gpus}) > 1:
        return f"its numbers count the fastest GPU first: set {ORDER_VARIABLE}={_PCI_ORDER}"
    return [gpu.uuid for gpu in gpus]


def _resolved(
    listed: str, gpus: Sequence[Gpu], numbered: list[str] | str
) -> Iterator[tuple[str, str]]:
    """Each valid entry with the UUID of its physical GPU, up to the first that names none."""
    for entry in (text.strip() for text in listed.split(",")):
        number = _NUMBER.match(entry)
        found = _by_number(int(number[1]), numbered) if number else _by_uuid(entry, gpus)
        if found is None:
            return
        yield found


def _by_number(number: int, numbered: list[str] | str) -> tuple[str, str] | None:
    if number < 0:
        return None
    if isinstance(numbered, str):
        raise _UnknownError(numbered)
    return (numbered[number], numbered[number]) if number < len(numbered) else None


def _by_uuid(entry: str, gpus: Sequence[Gpu]) -> tuple[str, str] | None:
    """The one device whose UUID begins like the entry; an older MIG name tells its GPU itself."""
    if entry.startswith("MIG-GPU-"):
        parent = entry.removeprefix("MIG-").partition("/")[0]
        return (entry, parent) if any(gpu.uuid == parent for gpu in gpus) else None
    if entry.startswith("MIG-"):
        known = {name: gpu.uuid for gpu in gpus for name in gpu.mig_instances or ()}
    elif entry.startswith("GPU-"):
        known = {gpu.uuid: gpu.uuid for gpu in gpus}
    else:
        return None
    matches = [(name, uuid) for name, uuid in known.items() if name.startswith(entry)]
    return matches[0] if len(matches) == 1 else None
