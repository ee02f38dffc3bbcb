"""Macs by every way that is open: ``powermetrics`` for root, IOReport for every user.

Where both are open ``powermetrics`` counts, since it refreshes faster, and IOReport adds the
memory and a second look at the rest. The refusal of a component that one of them reads is dropped.
"""

from collections.abc import Mapping

from effmeter.clock import Clock
from effmeter.probes.apple import ioreport, powermetrics
from effmeter.probes.base import Discovery


def find(environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The channels of an Apple chip; nothing at all on other machines."""
    printed = powermetrics.find(environ, clock)
    published = ioreport.find(clock, [channel.name for channel in printed.channels])
    covered = {channel.component for channel in (*printed.channels, *published.channels)}
    refusals = (*printed.refusals, *published.refusals)
    return Discovery(
        (*printed.probes, *published.probes),
        tuple(refusal for refusal in refusals if refusal.component not in covered),
    )
