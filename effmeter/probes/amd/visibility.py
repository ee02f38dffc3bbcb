"""Which AMD GPUs a program may use, by four environment variables in two stages.

``ROCR_VISIBLE_DEVICES`` filters the GPUs for everything above ROCr, by numbers or ``GPU-`` with
the GPU's unique id. HIP then filters the remaining GPUs, whose numbers begin at 0 again, by the
first that is set of ``HIP_VISIBLE_DEVICES``, ``CUDA_VISIBLE_DEVICES`` and ``GPU_DEVICE_ORDINAL``.
A list is valid up to its first entry that names no GPU, or one that it names twice.

Sources: AMD, ROCm documentation, *GPU isolation techniques* and *HIP environment variables*.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from effmeter.probes.base import Caution, ListedDevice, Usable

ROCR_VARIABLE = "ROCR_VISIBLE_DEVICES"
HIP_VARIABLES = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
"""The first that is set decides."""
VARIABLES = (ROCR_VARIABLE, *HIP_VARIABLES)


def usable(environ: Mapping[str, str], listed: Sequence[ListedDevice]) -> Usable:
    """The GPUs that a program with these variables may use, of those that it sees."""
    in_hip = (variable for variable in HIP_VARIABLES if variable in environ)
    applied = [v for v in (ROCR_VARIABLE, next(in_hip, "")) if v in environ]
    devices = list(listed)
    for variable in applied:
        devices = [devices[place] for place in _selected(environ[variable], tuple(devices))]
    cautions = [*_assumption(devices, listed, applied), *_partitions(devices, listed)]
    return Usable(tuple(dict.fromkeys(devices)), cautions=tuple(cautions))


def _selected(entries: str, devices: Sequence[ListedDevice]) -> Iterator[int]:
    """The places of the GPUs that a list names, up to its first entry that names none anew."""
    seen: set[int] = set()
    for entry in (text.strip() for text in entries.split(",")):
        place = _place_of(entry, devices)
        if place is None or place in seen:
            return
        seen.add(place)
        yield place


def _place_of(entry: str, devices: Sequence[ListedDevice]) -> int | None:
    if entry.isdecimal():
        return int(entry) if int(entry) < len(devices) else None
    if not entry.upper().startswith("GPU-"):
        return None
    wanted = _plain(entry)
    found = (n for n, device in enumerate(devices) if wanted in map(_plain, device.ids))
    return next(found, None)


def _plain(identity: str) -> str:
    """A unique id without its prefix, dashes and leading zeros."""
    return identity.lower().removeprefix("gpu-").replace("-", "").lstrip("0")


def _assumption(
    devices: Sequence[ListedDevice], listed: Sequence[ListedDevice], applied: Sequence[str]
) -> Iterator[Caution]:
    if 0 < len(devices) < len(listed) and any(device.place_is_assumed for device in devices):
        named = ", ".join(device.id for device in devices)
        yield Caution(
            f"{' and '.join(applied)} is taken to select {named}, by the order of the PCI "
            "addresses: the kernel shows no compute topology"
        )


def _partitions(
    devices: Sequence[ListedDevice], listed: Sequence[ListedDevice]
) -> Iterator[Caution]:
    """Partitions of one GPU share its address, and its sensor."""
    all_parts, own_parts = Counter(listed), Counter(devices)
    for device, count in own_parts.items():
        if count < all_parts[device]:
            parts = f"{count} of its {all_parts[device]} partitions"
            yield Caution(f"is charged as a whole to a program on {parts}", device)
