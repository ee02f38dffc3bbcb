"""From the labels of runs and the rows of tables to trials, and what makes them comparable.

Labels say which trial a run is: ``architecture`` and ``size``, and where they differ ``dataset``,
``seed`` and ``fold``. Nothing is averaged over figures that do not mean the same.
"""

import shlex
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from effmeter.analysis.efficiency import learned_words
from effmeter.analysis.efficiency_framework.observation import Observation, Trial
from effmeter.analysis.run_tree import surrounding
from effmeter.errors import UsageError
from effmeter.recorded.records import Label
from effmeter.recorded.run import RecordedRun
from effmeter.status import Status

NEEDED = ("architecture", "size")
REMEDY = 'label runs when they are recorded: track(..., labels={"architecture": ..., "size": ...})'
_MOST_NAMED = 6
_VARIES = ("architecture", "size", "dataset", "seed", "fold")
"""Labels in which comparable trials may differ; they agree in all others."""


def has_labels(run: RecordedRun, wanted: Mapping[str, str]) -> bool:
    """Whether a run has all these labels; numbers are compared as numbers, 1 and 1.0 alike."""
    return all(
        name in run.labels and _alike(run.labels[name], value) for name, value in wanted.items()
    )


def finished_once(runs: Sequence[RecordedRun]) -> tuple[list[RecordedRun], list[str]]:
    """Without unfinished runs that a finished one of equal labels has replaced; a line for each."""
    finished = {tuple(sorted(run.labels.items())) for run in runs if run.status is Status.COMPLETED}
    kept, left_out = [], []
    for run in runs:
        if run.status is Status.COMPLETED or tuple(sorted(run.labels.items())) not in finished:
            kept.append(run)
        else:
            left_out.append(
                f"{source_of(run)} left out ({run.detailed_status}): a completed run has its labels"
            )
    return kept, left_out


def trials_of(runs: Sequence[RecordedRun]) -> list[Trial]:
    """The trial that each run is.

    UsageError names the runs without a label that is needed, those whose size is no number,
    those of one architecture and data set that were not trained alike (another method, device,
    width), and those whose labels are the same.
    """
    for name in NEEDED:
        _refuse_without(name, runs)
    if any("dataset" in run.labels for run in runs):
        _refuse_without("dataset", runs)
    trials = [_trial_of(run) for run in runs]
    _refuse_trained_otherwise(runs)
    refuse_repeated(list(zip(trials, map(source_of, runs), strict=True)))
    return trials


def refuse_repeated(sources: Sequence[tuple[Hashable, str]]) -> None:
    """UsageError where two sources are the same trial, since either could count."""
    for trial, names in _grouped(sources).items():
        if len(names) > 1:
            raise UsageError(
                f"equal labels ({trial}): {_listed(names)}: give each a seed or fold of its own, "
                "or leave out all but one"
            )


def refuse_mixtures(observations: Iterable[Observation]) -> None:
    """UsageError where observations do not measure the same, naming which measured what.

    Over all of them: the metric, the quantity, the channels that are summed and the host. On
    one data set: the batch size.
    """
    observations = list(observations)
    _refuse_different("metrics", observations, lambda seen: learned_words(seen.metric, seen.mode))
    _refuse_different("quantities", observations, lambda seen: seen.quantity)
    _refuse_different("hosts", observations, lambda seen: seen.host or "not stated")
    _refuse_different("covers", observations, lambda seen: " + ".join(seen.cover) or "not stated")
    for members in _by_dataset(observations):
        _refuse_different("batch sizes", members, lambda seen: str(seen.batch_size or "not stated"))


def differing_sizes(sources: Iterable[tuple[Trial, str]]) -> Iterable[str]:
    """A line for each data set whose architectures were not all tried in the same sizes."""
    by_dataset: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for trial, source in sources:
        found = by_dataset.setdefault(trial.dataset, {})
        found.setdefault(trial.architecture, []).append((trial.size, source))
    for dataset, architectures in by_dataset.items():
        everywhere = set.intersection(*({s for s, _ in tried} for tried in architectures.values()))
        odd = {
            architecture: [(s, source) for s, source in tried if s not in everywhere]
            for architecture, tried in architectures.items()
        }
        if any(odd.values()):
            where = f" on {dataset}" if dataset else ""
            yield f"sizes differ between architectures{where}: {_size_list(odd)}"


def without_surrounding(runs: Sequence[RecordedRun]) -> tuple[list[RecordedRun], list[str]]:
    """Without the runs that only surround others, such as a recorded command; a line for each.

    UsageError where a run and another inside it both have epochs: one contains the energy of the
    other.
    """
    kept, left_out = [], []
    for run in runs:
        if run.inner_runs and not run.lead_epochs:
            count = len(run.inner_runs)
            inside = f"{count} run{'s' if count > 1 else ''} inside it"
            left_out.append(f"{source_of(run)} left out: it has no epochs of its own, and {inside}")
        else:
            kept.append(run)
    around = surrounding(kept)
    for run, place in zip(kept, around, strict=True):
        if place is not None:
            raise UsageError(
                f"{source_of(run)} ran inside {source_of(kept[place])}, whose energy includes it: "
                "select those to compare with --label"
            )
    return kept, left_out


def source_of(run: RecordedRun) -> str:
    """The file of a run; of a run inside a recording also its name."""
    path = str(run.paths[0])
    return f"{path}: {run.name}" if run.is_inner else path


def _alike(label: Label, wanted: str) -> bool:
    try:
        return str(label) == wanted or float(label) == float(wanted)
    except ValueError:
        return False


def _size_list(odd: dict[str, list[tuple[float, str]]]) -> str:
    parts = []
    for architecture, tried in odd.items():
        if tried:
            sizes = ", ".join(dict.fromkeys(f"{size:g}" for size, _ in tried))
            sources = _listed([source for _, source in tried])
            parts.append(f"only {architecture} has {sizes} ({sources})")
    return "; ".join(parts)


def _trial_of(run: RecordedRun) -> Trial:
    labels = run.labels
    return Trial(
        str(labels["architecture"]),
        str(labels.get("dataset", "")),
        _size(run),
        labels.get("seed"),
        labels.get("fold"),
    )


def _size(run: RecordedRun) -> float:
    label = run.labels["size"]
    try:
        return float(label)
    except ValueError as error:
        raise UsageError(f"{source_of(run)}: the label size is no number: {label!r}") from error


def _refuse_without(name: str, runs: Sequence[RecordedRun]) -> None:
    without = [source_of(run) for run in runs if name not in run.labels]
    if without:
        raise UsageError(f"no label {name}: {_listed(without)}: {REMEDY}")


def _refuse_trained_otherwise(runs: Sequence[RecordedRun]) -> None:
    """UsageError where other labels differ among runs of one architecture and data set."""
    alike: dict[tuple[str, str], list[RecordedRun]] = {}
    for run in runs:
        where = (str(run.labels["architecture"]), str(run.labels.get("dataset", "")))
        alike.setdefault(where, []).append(run)
    for where, members in alike.items():
        conditions = list(map(_conditions, members))
        names = [
            name
            for name in dict.fromkeys(name for found in conditions for name in found)
            if len({found.get(name) for found in conditions}) > 1
        ]
        if names:
            _refuse_conditions(" on ".join(filter(None, where)), names, members)


def _refuse_conditions(what: str, names: Sequence[str], runs: Sequence[RecordedRun]) -> None:
    stated = [{n: run.labels[n] for n in names if n in run.labels} for run in runs]
    words = [
        ", ".join(f"{n}={found[n]}" if n in found else f"no {n}" for n in names) for found in stated
    ]
    groups = _grouped(list(zip(words, map(source_of, runs), strict=True)))
    different = "; ".join(f"{value}: {_listed(sources)}" for value, sources in groups.items())
    most = max(stated, key=len)
    where = " ".join(f"--label {shlex.quote(f'{name}={value}')}" for name, value in most.items())
    raise UsageError(
        f"runs of {what} differ in {', '.join(names)}, and are never averaged together: "
        f"{different}: report those that are alike, by their files or as with {where}"
    )


def _conditions(run: RecordedRun) -> dict[str, Label]:
    """How a model was trained, by the labels that say so.

    When a recording was to stop counts only with a method, whose schedule may follow from it:
    otherwise cuts of a longer and of a shorter recording show the same training.
    """
    left_out = _VARIES if "method" in run.labels else (*_VARIES, "stop")
    return {name: value for name, value in run.labels.items() if name not in left_out}


def _refuse_different(
    what: str, observations: Sequence[Observation], value_of: Callable[[Observation], str]
) -> None:
    found = _grouped([(value_of(seen), seen.source) for seen in observations])
    if len(found) > 1:
        different = "; ".join(f"{value}: {_listed(sources)}" for value, sources in found.items())
        raise UsageError(f"{what} differ, and are never averaged together: {different}")


def _by_dataset(observations: Iterable[Observation]) -> Iterable[list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for seen in observations:
        found.setdefault(seen.trial.dataset, []).append(seen)
    return found.values()


def _grouped(pairs: Iterable[tuple[Hashable, str]]) -> dict[Hashable, list[str]]:
    found: dict[Hashable, list[str]] = {}
    for key, source in pairs:
        found.setdefault(key, []).append(source)
    return found


def _listed(sources: Sequence[str]) -> str:
    named = list(dict.fromkeys(sources))
    more = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
