"""What the energies and times of a study are subject to."""

from collections.abc import Iterable, Sequence

from effmeter.recorded.run import RecordedRun


def energy_caveats(runs: Sequence[RecordedRun]) -> Iterable[str]:
    """Estimates, what is not covered, and other programs on the same devices."""
    breakdowns = [run.breakdown() for run in runs]
    estimated = dict.fromkeys(name for each in breakdowns for name in each.cover.estimated)
    if estimated:
        yield f"energies are estimated, not measured: {', '.join(estimated)}"
    missing = {missed.what: missed.reason for each in breakdowns for missed in each.missing}
    for what, reason in missing.items():
        yield f"not covered: {what} ({reason})" if reason else f"not covered: {what}"
    shared = sum(any(other.processes > 0 for other in run.contentions) for run in runs)
    if shared:
        yield (
            f"other processes used the devices during {shared} of {len(runs)} runs, and their "
            "energy is in them: effmeter report names them"
        )
