"""Tables II to IV and the trainings that fill them, at every scale."""

from collections.abc import Iterable

from effmeter.lab.studies.comparison import Arm, Comparison, TablePlan
from effmeter.lab.studies.grow_prune_select.loss_curves import figure_data
from effmeter.lab.studies.grow_prune_select.settings import (
    FULL,
    SMALL,
    SMALL_FRACTION,
    TINY,
    Network,
    SelectionSettings,
)
from effmeter.lab.studies.grow_prune_select.tables import paper_tables
from effmeter.lab.studies.method_results import MethodScale
from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.variant import Variant

NUMERALS = {2: "II", 3: "III", 4: "IV"}
KEEPS = (0.5, 0.4, 0.3)
SMALL_BASELINE, GRADMAX, PRUNING = "small", "gradmax", "pruning"
_NOTES = (
    "gain: 1 - energy / energy of the big baseline; loss: 1 - accuracy / accuracy of the big one; "
    "intervals are over seeds, paired",
)


def study_scale(settings: SelectionSettings) -> MethodScale:
    """All tables of a scale."""
    return MethodScale(settings.name, settings.summary, tuple(_tables(settings)))


def _tables(settings: SelectionSettings) -> Iterable[TablePlan]:
    for number, network, dataset in settings.tables:
        comparison = _comparison(settings, network, dataset)
        name, title = f"Table {NUMERALS[number]}", f"{network.architecture} on {dataset}"
        yield TablePlan(f"table-{number}", name, title, (comparison,), _NOTES)


def _comparison(settings: SelectionSettings, network: Network, dataset: str) -> Comparison:
    big, small = settings.big(network, dataset), settings.small(network, dataset)
    return Comparison(
        big,
        (
            Arm(SMALL_BASELINE, small),
            *(
                _selection(settings.selection(network, dataset, keep), keep, small)
                for keep in KEEPS
            ),
            *_resizing(big, small, settings.schedule(dataset)),
        ),
    )


def _selection(variant: Variant, keep: float, small: Variant) -> Arm:
    """Data selection is random itself: what it has to beat is the small network."""
    return Arm(f"selection-{keep * 100:.0f}", variant, (small,))


def _resizing(big: Variant, small: Variant, schedule: str) -> Iterable[Arm]:
    """Growing and pruning, each beside its random control."""
    for what, method, fraction in (
        (GRADMAX, "gradmax", "seed_fraction"),
        (PRUNING, "filter-pruning", "final_fraction"),
    ):
        settings = f"{schedule},{fraction}={SMALL_FRACTION:g}"
        random_method = "random-growth" if what == GRADMAX else f"random-{method}"
        random = big.using(f"{random_method}:{settings}")
        yield Arm(what, big.using(f"{method}:{settings}"), (random, small))
        yield Arm(f"{what}, at random", random)


SCALES = {settings.name: study_scale(settings) for settings in (TINY, SMALL, FULL)}

STUDY = MethodStudy(
    "grow-prune-select",
    "Growing, pruning, selection.",
    """Compare growing, pruning and data selection with a small and a big baseline.

    Boumendil et al., "Grow, prune or select data": Tables II to IV beside the published figures,
    with random growing and pruning as controls. The data of Figures 3 and 4 is written as CSV
    beside the runs and drawn with matplotlib. Table I: effmeter reproduce teacher-student.
    """,
    SCALES,
    paper_tables,
    figure_data,
)
