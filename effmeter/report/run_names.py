"""The names under which a list shows its runs."""

from collections import Counter
from collections.abc import Sequence

from effmeter.recorded.run import RecordedRun


def names_of(runs: Sequence[RecordedRun]) -> list[str]:
    """A name for each run: its own, unless others of the list have the same.

    Of those, a recording's own run is called as its file is. The runs inside a recording add the
    labels in which they differ, or their number.
    """
    counts = Counter(run.name for run in runs)
    names = [_told_apart(run) if counts[run.name] > 1 else run.name for run in runs]
    repeated = Counter(names)
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        if repeated[name] > 1 and runs[place].is_inner:
            seen[name] += 1
            names[place] = f"{name} #{seen[name]}"
    return names


def _told_apart(run: RecordedRun) -> str:
    if not run.is_inner:
        return run.paths[0].stem
    labels = " ".join(f"{name}={value}" for name, value in run.labels.items())
    return f"{run.name} {labels}".rstrip()
