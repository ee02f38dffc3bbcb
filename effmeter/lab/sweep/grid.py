"""Which trainings a grid holds."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from effmeter.errors import UsageError
from effmeter.lab.sweep.cell import Cell
from effmeter.lab.sweep.ending import Ending
from effmeter.lab.workloads import ARCHITECTURES, DATASETS, Recipe, check


@dataclass(frozen=True, slots=True)
class Axes:
    """What varies over a grid; everything else is the same in all its trainings."""

    architectures: Sequence[str]
    datasets: Sequence[str] = ("digits",)
    sizes: Sequence[int] = (1,)
    seeds: Sequence[int] = (0,)
    methods: Sequence[str] = ()
    """Texts of methods; with none, that of the common recipe."""


def plan_cells(axes: Axes, ending: Ending, common: Recipe) -> list[Cell]:
    """Every combination, data set by data set, then architecture, size, seed, fold and method.

    ``common`` gives what the axes do not; with ``common.folds``, each fold is a training of its
    own. An option is given to the architectures and data sets that have it. UsageError for
    what cannot be trained.
    """
    pairs = list(itertools.product(axes.datasets, axes.architectures))
    _check_that_options_are_known(common, pairs)
    cells = [
        Cell(recipe, ending)
        for dataset, architecture in pairs
        for recipe in _recipes(axes, common, dataset, architecture)
    ]
    for cell in cells:
        check(cell.recipe)
    return list(dict.fromkeys(cells))


def _recipes(axes: Axes, common: Recipe, dataset: str, architecture: str) -> Iterator[Recipe]:
    known = _options_of(dataset, architecture)
    options = tuple(pair for pair in common.options if pair[0] in known)
    folds = (None,) if common.folds is None else range(1, common.folds + 1)
    varied = itertools.product(axes.sizes, axes.seeds, folds, axes.methods or (common.method,))
    for size, seed, fold, method in varied:
        yield replace(
            common,
            architecture=architecture,
            dataset=dataset,
            size=size,
            seed=seed,
            fold=fold,
            method=method,
            options=options,
        )


def _options_of(dataset: str, architecture: str) -> set[str]:
    """Names of options; none for what there is not, which ``check`` refuses."""
    names: set[str] = set()
    if architecture in ARCHITECTURES:
        names |= ARCHITECTURES[architecture].options.keys()
    if dataset in DATASETS:
        names |= DATASETS[dataset].options.keys()
    return names


def _check_that_options_are_known(common: Recipe, pairs: Sequence[tuple[str, str]]) -> None:
    known: set[str] = set().union(*(_options_of(*pair) for pair in pairs))
    for name, _ in common.options:
        if name not in known:
            raise UsageError(
                f"unknown option {name!r}; the options of this grid are {', '.join(sorted(known))}"
            )
