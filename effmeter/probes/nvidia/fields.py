"""Field values of NVML: several figures of one GPU by one call, each with its own answer.

Each value says by ``nvmlReturn`` whether it holds anything, and by ``valueType`` which member of
the union holds it. Drivers before 530 know none of the fields below.

Source: NVIDIA, NVML API Reference, *Field Value Enums* and ``nvmlFieldValue_t``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

TOTAL_ENERGY = 83
"""Millijoules since the driver was loaded."""
POWER_AVERAGE = 185
"""Milliwatts, averaged over a second; Ampere (GA100 apart) and newer."""
POWER_INSTANT = 186
"""Milliwatts by now; all generations."""
GPU_SCOPE, MODULE_SCOPE, MEMORY_SCOPE = 0, 1, 2
"""What a power field takes in: the GPU, the module it sits on with NVIDIA's own processor, or
the GPU's memory."""
_UNION_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""By value type, from NVML_VALUE_TYPE_DOUBLE on."""
_NO_VALUE = (2**32 - 1, 2**64 - 1)
"""Shown by drivers for *not available*, of unsigned types."""


class Field(NamedTuple):
    """A field's number and scope."""

    id: int
    scope: int = GPU_SCOPE

    @property
    def source(self) -> str:
        """The field in words that name the call: what a channel states as its source."""
        names = {TOTAL_ENERGY: "TOTAL_ENERGY", POWER_AVERAGE: "POWER_AVERAGE"}
        name = names.get(self.id, "POWER_INSTANT")
        scopes = {MODULE_SCOPE: ", module", MEMORY_SCOPE: ", memory"}
        return f"nvmlDeviceGetFieldValues({name}{scopes.get(self.scope, '')})"


class Refused(NamedTuple):
    """A figure that NVML did not give: its error, in words and by number."""

    code: int
    reason: str


def refused(error: Any) -> Refused:
    """What an NVMLError says."""
    return Refused(error.value, str(error))


def read_fields(nvml: Any, handle: Any, fields: Sequence[Field]) -> list[int | float | Refused]:
    """The value of each field, or why there is none; where the call fails, for all of them.

    ``nvml`` is the module pynvml, ``handle`` a device of it.
    """
    try:
        shown = nvml.nvmlDeviceGetFieldValues(handle, [tuple(field) for field in fields])
    except nvml.NVMLError as error:
        return [refused(error)] * len(fields)
    return [_value(nvml, value) for value in shown]


def _value(nvml: Any, shown: Any) -> int | float | Refused:
    if shown.nvmlReturn != nvml.NVML_SUCCESS:
        return refused(nvml.NVMLError(shown.nvmlReturn))
    return sample_value(nvml, shown.valueType, shown.value)


def sample_value(nvml: Any, value_type: int, shown: Any) -> int | float | Refused:
    """What NVML's union of values holds, by its value type."""
    if value_type not in range(len(_UNION_MEMBERS)):
        return Refused(nvml.NVML_ERROR_UNKNOWN, f"a value of unknown type {value_type}")
    value: int | float = getattr(shown, _UNION_MEMBERS[value_type])
    if value in _NO_VALUE or not value >= 0:
        return Refused(nvml.NVML_ERROR_NO_DATA, f"a value that cannot be right: {value}")
    return value
