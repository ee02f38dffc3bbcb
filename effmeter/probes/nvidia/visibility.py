"""Which NVIDIA GPUs a program may use, by ``CUDA_VISIBLE_DEVICES``.

The list may hold numbers, UUIDs of GPUs or unique beginnings of them (``GPU-8932f937``), and
MIG instances (``MIG-<uuid>``, or ``MIG-GPU-<uuid>/<instance>/<instance>`` of older drivers). It
is valid up to its first entry that names no device; where an entry comes twice, none is seen.
Numbers count in the order of ``CUDA_DEVICE_ORDER``: NVML's own is that of the PCI addresses,
while CUDA's default puts the fastest first, which NVML does not show among different GPUs.

Sources: NVIDIA, CUDA C++ Programming Guide, *CUDA Environment Variables*, and MIG User Guide;
PyTorch's ``torch.cuda._parse_visible_devices`` for the drivers' behaviour with malformed lists.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from effmeter.probes.base import Caution, ListedDevice, Usable

DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER_VARIABLE = "CUDA_DEVICE_ORDER"
VARIABLES = (DEVICES_VARIABLE, ORDER_VARIABLE)
_PCI_ORDER = "PCI_BUS_ID"
_NUMBER = re.compile(r"\s*([+-]?\d+)")

_Selected = tuple[str, ListedDevice]
"""An entry of the list with the GPU that it selects."""


class _UnknownError(Exception):
    """A number that may be any of several GPUs."""


def usable(environ: Mapping[str, str], listed: Sequence[ListedDevice]) -> Usable:
    """The GPUs that a program with these variables may use, of those that it sees."""
    entries = environ.get(DEVICES_VARIABLE)
    if entries is None:
        return Usable(tuple(listed), cautions=_cautions(listed, ()))
    try:
        selected = list(_resolved(entries, listed, environ.get(ORDER_VARIABLE, "")))
    except _UnknownError as error:
        return Usable(None, str(error))
    if len({entry for entry, _ in selected}) < len(selected):
        return Usable(())
    devices = tuple(dict.fromkeys(device for _, device in selected))
    return Usable(devices, cautions=_cautions(devices, [entry for entry, _ in selected]))


def _cautions(devices: Sequence[ListedDevice], entries: Sequence[str]) -> tuple[Caution, ...]:
    """What a program on a MIG instance is charged: NVML shows the power of whole GPUs alone."""
    found = []
    for gpu in devices:
        if gpu.parts is None:
            continue
        own = [entry for entry in entries if entry in gpu.parts or f"MIG-{gpu.id}/" in entry]
        instance = f"MIG instance {own[0]}" if own else "a MIG instance"
        others = len(gpu.parts) - max(1, len(own))
        sharing = {1: "another instance shares the GPU"}.get(
            others, f"{others} other instances share the GPU"
        )
        sharing = sharing if others > 0 else "other instances may share the GPU"
        text = f"is charged as a whole to a program on {instance}: {sharing}"
        found.append(Caution(text, gpu))
    return tuple(found)


def _resolved(entries: str, listed: Sequence[ListedDevice], order: str) -> Iterator[_Selected]:
    """Each valid entry with its physical GPU, up to the first that names none."""
    for entry in (text.strip() for text in entries.split(",")):
        number = _NUMBER.match(entry)
        found = _by_number(int(number[1]), listed, order) if number else _by_uuid(entry, listed)
        if found is None:
            return
        yield found


def _by_number(number: int, listed: Sequence[ListedDevice], order: str) -> _Selected | None:
    if not 0 <= number < len(listed):
        return None
    if not all(gpu.id for gpu in listed):
        raise _UnknownError(f"{DEVICES_VARIABLE} may count a GPU that does not answer")
    if order != _PCI_ORDER and len({gpu.name for gpu in listed}) > 1:
        raise _UnknownError(
            f"{DEVICES_VARIABLE} counts the fastest GPU first: set {ORDER_VARIABLE}={_PCI_ORDER}"
        )
    return listed[number].id, listed[number]


def _by_uuid(entry: str, listed: Sequence[ListedDevice]) -> _Selected | None:
    """The one device whose UUID begins like the entry; an older MIG name contains its GPU's."""
    if entry.startswith("MIG-GPU-"):
        parent = entry.removeprefix("MIG-").partition("/")[0]
        return next(((entry, gpu) for gpu in listed if gpu.id == parent), None)
    if entry.startswith("MIG-"):
        known = [(name, gpu) for gpu in listed for name in gpu.parts or ()]
    elif entry.startswith("GPU-"):
        known = [(gpu.id, gpu) for gpu in listed]
    else:
        return None
    matches = [found for found in known if found[0].startswith(entry)]
    return matches[0] if len(matches) == 1 else None
