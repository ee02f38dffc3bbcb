"""The meters of the whole machine: the configured command, and the BMC."""

from collections.abc import Mapping
from pathlib import Path

from effmeter.clock import Clock
from effmeter.probes.base import Discovery
from effmeter.probes.wall import command, ipmi


def find(sysfs: Path, environ: Mapping[str, str], clock: Clock) -> Discovery:
    """Both, where both answer: they may stand at different places."""
    found = (command.find(environ, clock), ipmi.find(sysfs, environ, clock))
    return Discovery(
        tuple(probe for discovery in found for probe in discovery.probes),
        tuple(refusal for discovery in found for refusal in discovery.refusals),
    )
