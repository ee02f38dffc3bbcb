"""Tables 2 to 5 and the trainings that fill them, at every scale.

Which network stands in which table was decided here: 2 the network of two convolutions, 3 VGG-19
and 4 ResNet-20 by schedule, 5 the time of training.
"""

from collections.abc import Iterable

from effmeter.lab.studies.comparison import Arm, Comparison, TablePlan
from effmeter.lab.studies.comparison_table import learning_table, speed_table
from effmeter.lab.studies.gradient_approximation.settings import FULL, SMALL, TINY, GradientSettings
from effmeter.lab.studies.method_results import MethodResults, MethodScale
from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.variant import Variant

SPEED = "table-5"
_KINDS = ("zero", "random", "max")
_SCHEDULES = ("s1", "s2", "s3")
_NOTES = ("no published figures of this table are held",)


def study_scale(settings: GradientSettings) -> MethodScale:
    """All tables of a scale."""
    return MethodScale(settings.name, settings.summary, tuple(_tables(settings)))


def _tables(settings: GradientSettings) -> Iterable[TablePlan]:
    two_layers = tuple(_two_layers(settings, dataset) for dataset in settings.datasets)
    plain = tuple(_plain(settings, dataset) for dataset in settings.datasets)
    residual = tuple(_residual(settings, dataset) for dataset in settings.datasets)
    titles = (
        "two convolutions, the second approximated in alternate batches",
        "VGG by approximation schedule",
        "ResNet-20 by approximation schedule, and the smaller ResNet-14",
    )
    filled = (two_layers, plain, residual)
    for number, (title, comparisons) in enumerate(zip(titles, filled, strict=True), 2):
        yield TablePlan(f"table-{number}", f"Table {number}", title, comparisons, _NOTES)
    yield TablePlan(SPEED, "Table 5", "time of training", (*plain, *residual), _NOTES)


def _two_layers(settings: GradientSettings, dataset: str) -> Comparison:
    dense = settings.variant(settings.two_layers, dataset)
    return Comparison(dense, tuple(_arms(dense, ("cnn2",))))


def _plain(settings: GradientSettings, dataset: str) -> Comparison:
    dense = settings.variant(settings.plain, dataset)
    return Comparison(dense, tuple(_arms(dense, _SCHEDULES)))


def _residual(settings: GradientSettings, dataset: str) -> Comparison:
    dense = settings.variant(settings.residual, dataset)
    smaller = settings.variant(settings.smaller, dataset)
    switched = dense.using(f"max-gradient:schedule=s2,{settings.plateau}")
    return Comparison(
        dense,
        (
            *_arms(dense, _SCHEDULES, smaller),
            Arm("max, s2, in full from a plateau on", switched, (smaller,)),
            Arm("smaller, dense", smaller),
        ),
    )


def _arms(dense: Variant, schedules: Iterable[str], *smaller: Variant) -> Iterable[Arm]:
    """Each approximation by each schedule; zero and random are the controls of max."""
    for schedule in schedules:
        zero, noise, largest = (
            dense.using(f"{kind}-gradient:schedule={schedule}") for kind in _KINDS
        )
        yield Arm(f"zero, {schedule}", zero)
        yield Arm(f"random, {schedule}", noise)
        yield Arm(f"max, {schedule}", largest, (noise, zero, *smaller))


SCALES = {settings.name: study_scale(settings) for settings in (TINY, SMALL, FULL)}


def paper_tables(results: MethodResults) -> list[PaperTable]:
    """Tables 2 to 5, or the requested ones, in their order."""
    return [
        (speed_table if plan.part == SPEED else learning_table)(plan, results.by_variant)
        for plan in results.scale.tables
    ]


STUDY = MethodStudy(
    "gradient-approximation",
    "Approximate weight gradients.",
    """Compare zero, random and max gradients with dense training and a smaller network.

    Wang et al., "Accelerated CNN Training Through Gradient Approximation": Tables 2 to 5, three
    schedules of layers and batches, and the switch to full gradients at a plateau.
    """,
    SCALES,
    paper_tables,
)
