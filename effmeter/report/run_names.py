"""The names under which a list shows its runs."""

from collections import Counter
from collections.abc import Sequence

from effmeter.recorded.run import RecordedRun


def names_of(runs: Sequence[RecordedRun]) -> list[str]:
    """A name for each run: its own, unless others of the list have the same.

    Of those, a recording's own run is called as its file is. The runs inside a recording add the
    labels in which they differ, or their number.
    """
    same: dict[str, list[RecordedRun]] = {}
    for run in runs:
        same.setdefault(run.name, []).append(run)
    differing = {name: _differing_labels(found) for name, found in same.items()}
    names = [
        run.name if len(same[run.name]) == 1 else _told_apart(run, differing[run.name])
        for run in runs
    ]
    repeated = Counter(names)
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        if repeated[name] > 1 and runs[place].is_inner:
            seen[name] += 1
            names[place] = f"{name} #{seen[name]}"
    return names


def _differing_labels(runs: Sequence[RecordedRun]) -> list[str]:
    """The labels that not all runs inside a recording share."""
    inner = [run.labels for run in runs if run.is_inner]
    names = dict.fromkeys(name for labels in inner for name in labels)
    return [name for name in names if len({labels.get(name) for labels in inner}) > 1]


def _told_apart(run: RecordedRun, differing: Sequence[str]) -> str:
    if not run.is_inner:
        return run.paths[0].stem
    labels = (f"{name}={run.labels[name]}" for name in differing if name in run.labels)
    return " ".join((run.name, *labels))
