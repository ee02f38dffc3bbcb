"""From recorded runs to observations: each run cut by each criterion."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from effmeter.analysis.cut import Cut, CuttableRun, Uncut, cuttable_run
from effmeter.analysis.efficiency import joules_over
from effmeter.analysis.efficiency_framework.observation import (
    JOULES,
    POWER_SAMPLES,
    Observation,
    Observations,
    Trial,
    TrialOvertraining,
    Unobserved,
)
from effmeter.analysis.efficiency_framework.trials import (
    differing_sizes,
    finished_once,
    refuse_mixtures,
    source_of,
    trials_of,
    without_surrounding,
)
from effmeter.analysis.machine_time import sharing_lines
from effmeter.analysis.overtraining import overtraining_of
from effmeter.analysis.power_samples import RATE_WARNING, power_samples_over
from effmeter.errors import UsageError
from effmeter.recorded.records import MetricMode
from effmeter.recorded.run import RecordedRun
from effmeter.stopping import Criterion, Patience, TargetMetric
from effmeter.stopping.direction import Mode

_MEASURES = {JOULES: joules_over, POWER_SAMPLES: power_samples_over}


@dataclass(frozen=True, slots=True)
class _Recorded:
    trial: Trial
    run: RecordedRun
    cuttable: CuttableRun | None
    warnings: tuple[str, ...]


def observe(
    runs: Sequence[RecordedRun],
    criteria: Mapping[str, Criterion],
    metric: str | None = None,
    energy: str = JOULES,
    *,
    mode: Mode | None = None,
) -> Observations:
    """What labelled runs had learned and used when each of the named criteria was met.

    ``metric`` and ``mode`` are as for ``efficiency_of``. ``energy`` is "joules", or
    "power-samples" for the published convention. UsageError for labels that are missing or the
    same, for runs that do not measure the same, and for a criterion that takes more of a metric
    for better where a file states less, or the other way round.
    """
    if energy not in _MEASURES:
        raise UsageError(f"energy is one of {', '.join(_MEASURES)}, not {energy!r}")
    joint = [run.name for run in runs if run.is_joint]
    if joint and energy == POWER_SAMPLES:
        raise UsageError(f"power samples are of one host, and several recorded {joint[0]}")
    runs, around = without_surrounding(runs)
    runs, left_out = finished_once(runs)
    trials = trials_of(runs)
    _refuse_other_modes(runs, criteria)
    verdicts = _verdicts(runs, trials, metric)
    recorded = [
        _Recorded(
            trial,
            run,
            cuttable_run(run, metric, _MEASURES[energy], mode=mode),
            _warnings(trial, verdicts),
        )
        for trial, run in zip(trials, runs, strict=True)
    ]
    found = [
        _observed(each, name, criterion, energy)
        for name, criterion in criteria.items()
        for each in recorded
    ]
    observed = tuple(seen for seen in found if isinstance(seen, Observation))
    refuse_mixtures(observed)
    names = list(map(source_of, runs))
    sources = zip(trials, names, strict=True)
    sharing = sharing_lines(runs, names)
    warned = (RATE_WARNING,) if energy == POWER_SAMPLES else ()
    return Observations(
        observed,
        tuple(seen for seen in found if isinstance(seen, Unobserved)),
        verdicts,
        {name: criterion.describe() for name, criterion in criteria.items()},
        (*warned, *around, *left_out, *differing_sizes(sources), *sharing, *_estimates(observed)),
    )


def _observed(
    recorded: _Recorded, name: str, criterion: Criterion, energy: str
) -> Observation | Unobserved:
    source = source_of(recorded.run)
    if recorded.cuttable is None:
        reason = f"no epoch ended ({recorded.run.detailed_status})"
        return Unobserved(recorded.trial, name, reason, source)
    cut = recorded.cuttable.cut(criterion)
    if isinstance(cut, Uncut):
        return Unobserved(recorded.trial, name, cut.reason, source)
    return _observation(recorded, recorded.cuttable, name, cut, energy)


def _observation(
    recorded: _Recorded, cuttable: CuttableRun, name: str, cut: Cut, energy: str
) -> Observation:
    batch_size = recorded.run.labels.get("batch_size")
    return Observation(
        recorded.trial,
        name,
        str(cuttable.metric),
        cut.point.metric_value,
        cut.point.energy,
        source_of(recorded.run),
        cut.epochs,
        overshoot=cut.overshoot,
        host=" + ".join(recorded.run.host_names),
        cover=cuttable.cover.names,
        estimated=cuttable.cover.estimated,
        batch_size=None if isinstance(batch_size, str) or batch_size is None else batch_size,
        quantity=energy,
        stopped_by=str(cut.reason),
        warnings=recorded.warnings,
        mode=cut.point.mode,
    )


def _refuse_other_modes(runs: Sequence[RecordedRun], criteria: Mapping[str, Criterion]) -> None:
    for criterion in criteria.values():
        if not isinstance(criterion, TargetMetric | Patience):
            continue
        for run in runs:
            stated = run.metric_modes.get(criterion.metric)
            if stated in (MetricMode.MIN, MetricMode.MAX) and str(stated) != criterion.mode:
                better = "less" if stated == MetricMode.MIN else "more"
                raise UsageError(
                    f"{source_of(run)} states that {better} of {criterion.metric} is better, and "
                    f"{criterion.describe()} takes the other for better: add :{stated}"
                )


def _verdicts(
    runs: Sequence[RecordedRun], trials: Sequence[Trial], metric: str | None
) -> tuple[TrialOvertraining, ...]:
    judged = [
        TrialOvertraining(trial, verdict, source_of(run))
        for trial, run in zip(trials, runs, strict=True)
        if (verdict := overtraining_of(run, metric or "accuracy")) is not None
    ]
    return tuple(seen for seen in judged if seen.verdict.is_known)


def _warnings(trial: Trial, verdicts: Sequence[TrialOvertraining]) -> tuple[str, ...]:
    overtrained = (seen for seen in verdicts if seen.verdict.is_overtrained)
    return tuple(str(seen.verdict) for seen in overtrained if seen.trial == trial)


def _estimates(observed: Sequence[Observation]) -> Iterator[str]:
    estimated = dict.fromkeys(name for seen in observed for name in seen.estimated)
    if estimated:
        yield f"estimated, not measured: {', '.join(estimated)}"
