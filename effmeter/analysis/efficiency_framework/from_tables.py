"""Measurements made elsewhere: a CSV table whose rows are observations.

Columns ``architecture, dataset, criterion, size, accuracy, energy`` (another metric's name in
place of ``accuracy`` if it is asked for); where there are such figures also ``seed, fold, epochs,
efficiency, energy_low, energy_high, batch_size``. ``efficiency`` is per unit of the ``energy``
column, printed beside it in a paper, say.

Accuracies on training and test data at two epochs, in columns such as ``train_50, test_50,
train_100, test_100``, give the verdict on overtraining; a table may hold these alone.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from effmeter.analysis.efficiency_framework.flags import PrintedNumber, contradiction
from effmeter.analysis.efficiency_framework.observation import (
    JOULES,
    POWER_SAMPLES,
    Observation,
    Observations,
    Trial,
    TrialOvertraining,
)
from effmeter.analysis.efficiency_framework.table_rows import Row, read_rows
from effmeter.analysis.efficiency_framework.trials import (
    differing_sizes,
    refuse_mixtures,
    refuse_repeated,
)
from effmeter.analysis.overtraining import overtraining_between
from effmeter.analysis.power_samples import RATE_WARNING
from effmeter.energy import Energy
from effmeter.errors import TableError, UsageError
from effmeter.stopping.direction import Mode, usual_mode
from effmeter.units import parse_energy_j

LABELS = ("architecture", "dataset", "size")
OPTIONAL = ("seed", "fold", "epochs", "efficiency", "energy_low", "energy_high", "batch_size")
_AT_EPOCH = re.compile(r"(train|test)_(\d+)")


def read_tables(
    paths: Sequence[Path],
    energy_unit: str = "J",
    metric: str = "accuracy",
    *,
    mode: Mode | None = None,
) -> Observations:
    """The observations and verdicts of one or several tables, checked as one.

    ``mode`` says whether less or more of the metric is better, in place of its name. Where less
    is, a column ``efficiency`` is not used: it would be of the metric, not of its reciprocal.

    ``energy_unit`` is that of the energy column: J, kJ, Wh, or power-samples for a sum of power
    readings (W). TableError for a file that cannot be read and for a cell that means nothing;
    UsageError for an unknown unit, and for rows that are the same or do not measure the same.
    """
    unit_j, mode = energy_unit_j(energy_unit), mode or usual_mode(metric)
    quantity = POWER_SAMPLES if energy_unit == POWER_SAMPLES else JOULES
    observed: list[Observation] = []
    verdicts: list[TrialOvertraining] = []
    warnings: list[str] = []
    for path in paths:
        columns, rows = read_rows(path)
        at_epochs = _epochs_of(path, columns)
        holds_energy = not _missing(columns, metric)
        _check(path, columns, metric, has_accuracies=bool(at_epochs))
        if holds_energy:
            observed += [_observation(row, metric, mode, unit_j, quantity) for row in rows]
        if at_epochs:
            verdicts += [_verdict(row, at_epochs) for row in rows]
        warnings += _unused(path, columns, metric, mode)
    _check_together(observed, verdicts)
    sources = [(seen.trial, seen.source) for seen in observed]
    rate = [RATE_WARNING] if observed and quantity == POWER_SAMPLES else []
    return Observations(
        tuple(_with_verdict(seen, verdicts) for seen in observed),
        overtraining=tuple(verdicts),
        warnings=(*rate, *differing_sizes(sources), *warnings),
    )


def energy_unit_j(unit: str) -> float:
    """How many joules a unit has (1 for power samples); UsageError names those there are."""
    try:
        return 1.0 if unit == POWER_SAMPLES else parse_energy_j(f"1 {unit}")
    except UsageError as error:
        raise UsageError(
            f"{unit!r} is not a unit of energy: J, Wh, either with m, k, M or G before it, "
            f"or {POWER_SAMPLES}"
        ) from error


def _check(path: Path, columns: Sequence[str], metric: str, *, has_accuracies: bool) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise TableError(f"{path} has two columns {', '.join(repeated)}")
    missing = [name for name in LABELS if name not in columns]
    if not has_accuracies or {"energy", metric} & {*columns}:
        missing += _missing(columns, metric)
    if missing:
        has = ", ".join(columns)
        raise TableError(f"{path} has no column {', '.join(dict.fromkeys(missing))}; it has {has}")


def _missing(columns: Sequence[str], metric: str) -> list[str]:
    return [name for name in ("criterion", metric, "energy") if name not in columns]


def _epochs_of(path: Path, columns: Sequence[str]) -> tuple[int, ...]:
    """The two epochs at which accuracies stand in the table; none where there are none."""
    named = [match for name in columns if (match := _AT_EPOCH.fullmatch(name))]
    epochs = tuple(sorted({int(match[2]) for match in named}))
    if named and (len(epochs) != 2 or len(named) != 4):
        raise TableError(
            f"{path}: overtraining needs train_N and test_N for two epochs N, such as train_50, "
            f"test_50, train_100, test_100; it has {', '.join(match[0] for match in named)}"
        )
    return epochs


def _unused(path: Path, columns: Sequence[str], metric: str, mode: Mode | None) -> Iterable[str]:
    known = {*LABELS, *OPTIONAL, "criterion", "energy", metric}
    known -= {"efficiency"} if mode == "min" else set()
    odd = [name for name in columns if name not in known and not _AT_EPOCH.fullmatch(name)]
    if odd:
        yield f"{path}: columns not used: {', '.join(odd)}"


def _trial(row: Row) -> Trial:
    labels = (row.text("architecture"), row.text("dataset"), float(row.above_zero("size")))
    return Trial(*labels, row.optional_text("seed"), row.optional_text("fold"))


def _observation(
    row: Row, metric: str, mode: Mode | None, unit_j: float, quantity: str
) -> Observation:
    falls = mode == "min"
    learned = row.above_zero(metric) if falls else row.number(metric)
    energy = row.above_zero("energy")
    stated = None if falls else row.optional_number("efficiency")
    epochs = row.optional_number("epochs")
    batch_size = row.optional_number("batch_size")
    if epochs is not None and epochs != epochs.to_integral_value():
        raise TableError(f"{row.source}: epochs is no whole number: {epochs}")
    clash = None
    if stated is not None:
        clash = contradiction(
            PrintedNumber.of(learned), PrintedNumber.of(energy), PrintedNumber.of(stated)
        )
    return Observation(
        _trial(row),
        row.text("criterion"),
        metric,
        float(learned),
        _energy(row, float(energy), unit_j),
        row.source,
        None if epochs is None else int(epochs),
        stated_efficiency_per_j=None if stated is None else float(stated) / unit_j,
        batch_size=None if batch_size is None else float(batch_size),
        quantity=quantity,
        mode=mode,
        flags=() if clash is None else (clash,),
    )


def _energy(row: Row, energy: float, unit_j: float) -> Energy:
    """In joules; bounds that the table does not state are not known."""
    if not 0 < energy * unit_j < math.inf:
        raise TableError(f"{row.source}: energy in joules is beyond the range of floats: {energy}")
    low, high = row.optional_text("energy_low"), row.optional_text("energy_high")
    if low is None and high is None:
        return Energy(energy * unit_j, math.nan, math.nan)
    ends = float(row.above_zero("energy_low")), float(row.above_zero("energy_high"))
    if not ends[0] <= energy <= ends[1]:
        raise TableError(f"{row.source}: energy {energy:g} is outside [{low}, {high}]")
    return Energy(energy * unit_j, ends[0] * unit_j, ends[1] * unit_j)


def _verdict(row: Row, epochs: Sequence[int]) -> TrialOvertraining:
    train, test = (
        {epoch: float(row.number(f"{part}_{epoch}")) for epoch in epochs}
        for part in ("train", "test")
    )
    return TrialOvertraining(_trial(row), overtraining_between(train, test), row.source)


def _check_together(observed: Sequence[Observation], verdicts: Sequence[TrialOvertraining]) -> None:
    refuse_repeated([(f"{seen.trial}, {seen.criterion}", seen.source) for seen in observed])
    if not observed:
        refuse_repeated([(seen.trial, seen.source) for seen in verdicts])
    refuse_mixtures(observed)


def _with_verdict(seen: Observation, verdicts: Sequence[TrialOvertraining]) -> Observation:
    """With the verdict on its trial, where it was overtrained."""
    found = [v.verdict for v in verdicts if v.trial == seen.trial and v.verdict.is_overtrained]
    return replace(seen, warnings=(*seen.warnings, *dict.fromkeys(map(str, found))))
