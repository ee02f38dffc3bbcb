"""Meters of several hosts whose readings are equal to the digit.

Two meters never agree in every reading: equal readings are those of one meter under two names.
"""

from collections.abc import Iterator

import numpy as np

from effmeter.channel import Channel, Provenance
from effmeter.recorded.run import RecordedRun

LEAST_READINGS = 20
"""Fewer may be equal by chance, or because nothing moved."""


def equal_meters(run: RecordedRun) -> Iterator[tuple[str, ...]]:
    """The channels of different hosts that are one meter, by their names in the run."""
    found: dict[tuple[object, ...], list[tuple[str, str]]] = {}
    for host, part in zip(run.host_names, run.by_host, strict=True):
        for channel in part.channels.values():
            key = _readings_of(part, channel)
            if key is not None:
                found.setdefault(key, []).append((host, f"{host}/{channel.name}"))
    for named in found.values():
        if len({host for host, _ in named}) > 1:
            yield tuple(name for _, name in named)


def _readings_of(run: RecordedRun, channel: Channel) -> tuple[object, ...] | None:
    """The readings of a meter; None where they cannot tell it from others."""
    samples = run.samples(channel.name)
    if samples is None or channel.provenance is not Provenance.MEASURED:
        return None
    values = np.asarray(samples.values)
    if len(values) < LEAST_READINGS or len(np.unique(np.diff(values))) < 3:
        return None
    return channel.component, channel.kind, values.tobytes()
