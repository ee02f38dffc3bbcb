"""Which AMD GPUs a program may use, by ``ROCR_VISIBLE_DEVICES`` and ``HIP_VISIBLE_DEVICES``.

ROCr filters first. HIP then filters what ROCr left: its numbers count the remaining GPUs. Both
number the GPUs in the order of the kernel's topology, which need not be that of AMD SMI. A list
is therefore resolved only where the order cannot matter: an empty list hides all, and one that
selects every GPU hides none. Otherwise the restriction is unknown, and all GPUs count.

Source: AMD, ROCm documentation, *GPU isolation techniques*.
"""

from collections.abc import Mapping, Sequence

from effmeter.channel import Channel
from effmeter.probes.base import Visibility

ROCR_VARIABLE = "ROCR_VISIBLE_DEVICES"
HIP_VARIABLE = "HIP_VISIBLE_DEVICES"
VARIABLES = (ROCR_VARIABLE, HIP_VARIABLE)


def visibility_of(
    environ: Mapping[str, str], channels: Sequence[Channel], same_devices: bool
) -> Visibility:
    """Which of the channels are of GPUs that are hidden from a program with these variables."""
    devices = tuple(dict.fromkeys(channel.device for channel in channels))
    remaining = len(devices)
    for variable in VARIABLES:
        listed = environ.get(variable)
        if listed is None:
            continue
        entries = list(dict.fromkeys(entry.strip() for entry in listed.split(",")))
        if entries in ([""], ["-1"]):
            return Visibility(tuple(channel.name for channel in channels))
        if not same_devices:
            return Visibility(reason=f"{variable} may count other GPUs: a container of its own")
        if {str(number) for number in range(remaining)} - set(entries):
            return Visibility(
                reason=f"{variable}={listed} cannot be matched to the GPUs of AMD SMI: "
                "the two may be numbered differently"
            )
    return Visibility()
