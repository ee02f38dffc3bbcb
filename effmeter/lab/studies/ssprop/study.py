"""Tables 4 to 7, the sensitivity study and Figure 4, with the trainings that fill them.

Table 6 is known to be that of Dropout; that 4 is classification, 5 generation and 7 the smaller
network, and what the search of Figure 4 varies, was decided here.
"""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from effmeter.lab.studies.comparison import Arm, Comparison, TablePlan
from effmeter.lab.studies.comparison_table import learning_table
from effmeter.lab.studies.figure import FigureData
from effmeter.lab.studies.method_results import MethodResults, MethodScale
from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.ssprop.operations import flops_table
from effmeter.lab.studies.ssprop.search import search_data, search_table
from effmeter.lab.studies.ssprop.settings import (
    FULL,
    SMALL,
    TINY,
    Course,
    Generation,
    SspropSettings,
)
from effmeter.lab.studies.variant import Variant

SSPROP = "ssprop:drop=0.8"
"""On alternate epochs, so 0.4 on average."""
RANDOM = f"{SSPROP},selection=random"
SEARCH = "figure-4"
_SSPROP_NOTE = "ssProp: a drop rate of 0.8 on every other epoch"
_GENERATION_NOTES = (
    "fid: the Fréchet distance of generated images from the training images, less is better; no "
    "published figures are held",
)
_LEARNED_FEATURES_NOTE = (
    "fid uses the features of a small network that has learned the labels of the same images: it "
    "compares the rows of this table and nothing else"
)
_DIMENSIONS = ("channel", "height-and-width", "all")
_SCHEDULES = {
    "constant 0.4": "ssprop:drop=0.4,schedule=constant",
    "linear to 0.8": "ssprop:drop=0.8,schedule=linear",
    "cosine to 0.8": "ssprop:drop=0.8,schedule=cosine",
    "bar 0.8": "ssprop:drop=0.8,schedule=bar",
    "period 2 epochs 0.8": SSPROP,
}


def ssprop_arms(dense: Variant, *more_controls: Variant) -> tuple[Arm, ...]:
    """The method and random channels; ``more_controls`` are trainings of the same work."""
    random = dense.using(RANDOM)
    return (
        Arm("ssProp", dense.using(SSPROP), (random, *more_controls)),
        Arm("random channels", random),
    )


def study_scale(settings: SspropSettings) -> MethodScale:
    """All tables of a scale."""
    return MethodScale(settings.name, settings.summary, tuple(_tables(settings)))


def _tables(settings: SspropSettings) -> Iterable[TablePlan]:
    yield TablePlan(
        "table-4",
        "Table 4",
        "classification",
        tuple(_classification(settings)),
        (_SSPROP_NOTE, "no published accuracies of this table are held"),
    )
    yield _generation(settings.generation)
    yield TablePlan(
        "table-6",
        "Table 6",
        "ssProp and Dropout",
        tuple(_dropout(settings, course) for course in settings.dropout_courses),
        (
            _SSPROP_NOTE,
            "0.2 + 0.2: Dropout of 0.2 and a drop rate of 0.4 on alternate epochs",
            "no published accuracies of this table are held",
        ),
    )
    yield TablePlan(
        "table-7",
        "Table 7",
        "a smaller dense network",
        tuple(_smaller(settings, course) for course in settings.dropout_courses),
        (_SSPROP_NOTE, "no published figures of this table are held"),
    )
    dense = settings.sensitivity_variant
    notes = ("no published figures of the sensitivity study are held",)
    for name, arms in _sensitivity(settings):
        plans = (Comparison(dense, arms),)
        yield TablePlan("sensitivity", "Sensitivity", name, plans, notes)
    yield TablePlan(SEARCH, "Figure 4", "search in sparse and in dense mode", _search(settings))


def _classification(settings: SspropSettings) -> Iterable[Comparison]:
    for course in settings.courses:
        for network, epochs in (
            (settings.small, course.small_epochs),
            (settings.large, course.large_epochs),
        ):
            dense = settings.variant(network, course.dataset, epochs)
            yield Comparison(dense, ssprop_arms(dense))


def _generation(models: tuple[Generation, ...]) -> TablePlan:
    """The U-Nets of the paper, or small ones."""
    comparisons = tuple(Comparison(model.dense, ssprop_arms(model.dense)) for model in models)
    notes: tuple[str, ...] = _GENERATION_NOTES
    if not all(model.looks_through_inception for model in models):
        notes = (*notes, _LEARNED_FEATURES_NOTE)
    return TablePlan("table-5", "Table 5", "generation by diffusion models", comparisons, notes)


def _dropout(settings: SspropSettings, course: Course) -> Comparison:
    dense = settings.variant(settings.dropout, course.dataset, course.small_epochs)
    return Comparison(
        dense,
        (
            Arm("Dropout 0.4", dense.with_option("dropout", 0.4)),
            *ssprop_arms(dense),
            Arm("0.2 + 0.2", dense.with_option("dropout", 0.2).using("ssprop:drop=0.4")),
        ),
    )


def _smaller(settings: SspropSettings, course: Course) -> Comparison:
    epochs = course.large_epochs
    dense = settings.variant(settings.large, course.dataset, epochs)
    smaller = settings.variant(settings.smaller_dense, course.dataset, epochs)
    return Comparison(dense, (*ssprop_arms(dense, smaller), Arm("smaller, dense", smaller)))


def _sensitivity(settings: SspropSettings) -> Iterable[tuple[str, tuple[Arm, ...]]]:
    dense = settings.sensitivity_variant
    yield "dimensions, and top-k against random", tuple(_dimension_arms(dense))
    schedules = tuple(Arm(name, dense.using(text)) for name, text in _SCHEDULES.items())
    yield "schedulers of the same average drop rate", schedules
    periods = [
        Arm(f"{n} iterations", dense.using(f"{SSPROP},period={n},period_unit=iterations"))
        for n in settings.periods
    ]
    yield "periods", (Arm("2 epochs", dense.using(SSPROP)), *periods)


def _dimension_arms(dense: Variant) -> Iterable[Arm]:
    for dimension in _DIMENSIONS:
        masks = dimension != "channel"
        named = f",dimension={dimension}" if masks else ""
        random = dense.using(f"{RANDOM}{named}")
        yield Arm(f"{dimension}, top-k", dense.using(f"{SSPROP}{named}"), (random,), masks)
        yield Arm(f"{dimension}, random", random, computes_densely=masks)


def _search(settings: SspropSettings) -> tuple[Comparison, ...]:
    dense = settings.sensitivity_variant
    grid = itertools.product(settings.learning_rates, settings.batch_sizes)
    points = [
        Variant(replace(dense.recipe, learning_rate=rate, batch_size=batch), dense.epochs)
        for rate, batch in grid
    ]
    return tuple(Comparison(point, (Arm("sparse", point.using(SSPROP)),)) for point in points)


SCALES = {settings.name: study_scale(settings) for settings in (TINY, SMALL, FULL)}


def paper_tables(results: MethodResults) -> list[PaperTable]:
    """The count of operations, then the requested tables in their order."""
    tables = [
        (search_table if plan.part == SEARCH else learning_table)(plan, results.by_variant)
        for plan in results.scale.tables
    ]
    return [flops_table(SSPROP), *tables]


def figure_data(results: MethodResults) -> list[FigureData]:
    """The data of Figure 4, if it was requested."""
    plans = [plan for plan in results.scale.tables if plan.part == SEARCH]
    return [search_data(plan, results.by_variant) for plan in plans]


STUDY = MethodStudy(
    "ssprop",
    "Sparse back-propagation.",
    """Compare ssProp with dense training, random channels and a smaller network.

    Zhong et al., "ssProp: Energy-Efficient Training for Convolutional Neural Networks with
    Scheduled Sparse Back Propagation": the count of operations beside the published one, Tables
    4 to 7 and the sensitivity study. The data of Figure 4 is written as CSV beside the runs.
    """,
    SCALES,
    paper_tables,
    figure_data,
)
