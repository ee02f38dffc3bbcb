"""What the study of growing, pruning and selection trains."""

import pytest

from effmeter.errors import UsageError
from effmeter.lab.studies.grow_prune_select.settings import FULL, SMALL, TINY, SelectionSettings
from effmeter.lab.studies.grow_prune_select.study import SCALES
from effmeter.lab.studies.grow_prune_select.tables import published_energies, published_gains
from effmeter.lab.studies.variant import cells_of
from effmeter.lab.workloads import DATASETS, Recipe
from effmeter.methods.registry import parse_method
from effmeter.methods.structure.pruning.filters import FilterPruning
from effmeter.methods.structure.widths.schedule import WidthSchedule


@pytest.mark.parametrize("name", SCALES)
def test_each_table_trains_both_baselines_and_each_approach_with_its_controls(name: str) -> None:
    for table in SCALES[name].tables:
        (comparison,) = table.comparisons
        arms = {arm.what: arm for arm in comparison.arms}
        assert list(arms) == [
            *("small", "selection-50", "selection-40", "selection-30"),
            *("gradmax", "gradmax, at random", "pruning", "pruning, at random"),
        ]
        for grown in ("gradmax", "pruning"):
            assert arms[f"{grown}, at random"].variant in arms[grown].controls
        assert arms["small"].variant in arms["selection-50"].controls
        assert {variant.epochs for variant in comparison.variants} == {comparison.dense.epochs}


def test_the_methods_in_text_are_methods() -> None:
    for variant in SCALES["full"].variants:
        assert parse_method(variant.method).name == variant.method.partition(":")[0]


def test_the_full_scale_has_the_schedule_of_the_paper() -> None:
    text = FULL.schedule("cifar10")
    method = parse_method(f"filter-pruning:{text}")
    assert isinstance(method, FilterPruning)
    paper = WidthSchedule()
    assert method.schedule.steps == paper.steps
    assert method.schedule.start == pytest.approx(paper.start, rel=0.01)
    assert method.schedule.every == pytest.approx(paper.every, rel=0.01)


@pytest.mark.parametrize("settings", [TINY, SMALL, FULL], ids=lambda settings: settings.name)
def test_a_schedule_ends_within_the_training(settings: SelectionSettings) -> None:
    for _, _, dataset in settings.tables:
        method = parse_method(f"filter-pruning:{settings.schedule(dataset)}")
        assert isinstance(method, FilterPruning)
        images = DATASETS[dataset].training_images
        iterations = settings.epochs * (images // settings.batch_size)
        assert all(method.schedule.stages(iterations))


def test_the_small_baseline_is_a_quarter_as_wide_where_growing_begins() -> None:
    wide, plain = (SCALES["full"].tables[place].comparisons[0] for place in (0, 2))
    assert wide.arms[0].variant.model == "wrn28-1 width=16 hidden=0.25"
    assert plain.arms[0].variant.model == "vgg11 width=16"
    assert plain.dense.model == "vgg11 width=64"


def test_larger_scales_ask_for_the_data() -> None:
    with pytest.raises(UsageError, match="cifar10 does not come with a package"):
        cells_of(SCALES["small"].variants, [0], Recipe(""))


def test_published_gains_follow_from_published_energies() -> None:
    """So that no digit was lost on the way from the paper."""
    big_j = float(published_gains()[2, "big"]["energy_j"])
    for name in ("small", "selection-50", "gradmax", "pruning"):
        printed = published_gains()[2, name]
        gain = 100 * (1 - float(printed["energy_j"]) / big_j)
        assert gain == pytest.approx(float(printed["gain_percent"]), abs=0.01)
        accuracy = float(printed["accuracy_percent"])
        loss = 100 * (1 - accuracy / float(published_gains()[2, "big"]["accuracy_percent"]))
        assert loss == pytest.approx(float(printed["loss_percent"]), abs=0.01)
    assert next(iter(published_energies())) == "small"
