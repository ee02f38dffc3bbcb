"""The tables of the study and what fills each, at every scale.

Table 6 is known to be that of Dropout; that 4 is classification, 5 generation and 7 the smaller
network, and what the search of Figure 4 varies, was decided here.
"""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from effmeter.lab.studies.comparison import Arm, Comparison, TablePlan
from effmeter.lab.studies.method_study import StudyScale
from effmeter.lab.studies.ssprop.arms import RANDOM, SSPROP, ssprop_arms
from effmeter.lab.studies.ssprop.generation import generation_plan
from effmeter.lab.studies.ssprop.settings import FULL, SMALL, TINY, Course, Settings
from effmeter.lab.studies.variant import Variant

SEARCH = "figure-4"
_SSPROP_NOTE = "ssProp: a drop rate of 0.8 on every other epoch"
_DIMENSIONS = ("channel", "height-and-width", "all")
_SCHEDULES = {
    "constant 0.4": "ssprop:drop=0.4,schedule=constant",
    "linear to 0.8": "ssprop:drop=0.8,schedule=linear",
    "cosine to 0.8": "ssprop:drop=0.8,schedule=cosine",
    "bar 0.8": "ssprop:drop=0.8,schedule=bar",
    "period 2 epochs 0.8": SSPROP,
}


def study_scale(settings: Settings) -> StudyScale:
    """All tables of a scale."""
    return StudyScale(settings.name, settings.summary, tuple(_tables(settings)))


def _tables(settings: Settings) -> Iterable[TablePlan]:
    yield TablePlan(
        "table-4",
        "Table 4",
        "classification",
        tuple(_classification(settings)),
        (_SSPROP_NOTE, "no published accuracies of this table are held"),
    )
    yield generation_plan(settings.generation)
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


def _classification(settings: Settings) -> Iterable[Comparison]:
    for course in settings.courses:
        for network, epochs in (
            (settings.small, course.small_epochs),
            (settings.large, course.large_epochs),
        ):
            dense = settings.variant(network, course.dataset, epochs)
            yield Comparison(dense, ssprop_arms(dense))


def _dropout(settings: Settings, course: Course) -> Comparison:
    dense = settings.variant(settings.dropout, course.dataset, course.small_epochs)
    return Comparison(
        dense,
        (
            Arm("Dropout 0.4", dense.with_option("dropout", 0.4)),
            *ssprop_arms(dense),
            Arm("0.2 + 0.2", dense.with_option("dropout", 0.2).using("ssprop:drop=0.4")),
        ),
    )


def _smaller(settings: Settings, course: Course) -> Comparison:
    epochs = course.large_epochs
    dense = settings.variant(settings.large, course.dataset, epochs)
    smaller = settings.variant(settings.smaller_dense, course.dataset, epochs)
    return Comparison(dense, (*ssprop_arms(dense, smaller), Arm("smaller, dense", smaller)))


def _sensitivity(settings: Settings) -> Iterable[tuple[str, tuple[Arm, ...]]]:
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


def _search(settings: Settings) -> tuple[Comparison, ...]:
    dense = settings.sensitivity_variant
    grid = itertools.product(settings.learning_rates, settings.batch_sizes)
    points = [
        Variant(replace(dense.recipe, learning_rate=rate, batch_size=batch), dense.epochs)
        for rate, batch in grid
    ]
    return tuple(Comparison(point, (Arm("sparse", point.using(SSPROP)),)) for point in points)


SCALES = {settings.name: study_scale(settings) for settings in (TINY, SMALL, FULL)}
