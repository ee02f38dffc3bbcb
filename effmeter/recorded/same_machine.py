"""Whether two runs were recorded on one machine.

A machine is a host and its boot. The containers of a machine share its boot under host names of
their own: what their sensors showed at the same time decides.
"""

from effmeter.channel import Provenance
from effmeter.energy.widened import disagree
from effmeter.recorded.run import RecordedRun


def is_same_machine(one: RecordedRun, other: RecordedRun) -> bool:
    """Whether two runs, each of one host, were recorded on one machine.

    Under two host names it is one machine unless a sensor that both measured at the same time
    shows that it is not.
    """
    if one.machine == other.machine:
        return True
    if not one.machine[1] or one.machine[1] != other.machine[1]:
        return False
    begin_ns = max(one.begin_ns, other.begin_ns)
    end_ns = min(one.end_ns, other.end_ns)
    return end_ns <= begin_ns or not _differ(one, other, begin_ns, end_ns)


def _differ(one: RecordedRun, other: RecordedRun, begin_ns: int, end_ns: int) -> bool:
    """Whether sensors of one name showed different energies in a window of one clock."""
    for name, channel in one.channels.items():
        if name in other.channels and channel.provenance is Provenance.MEASURED:
            energies = [run.channel_energy(name, begin_ns, end_ns) for run in (one, other)]
            if energies[0] and energies[1] and disagree(energies[0], energies[1]):
                return True
    return False
