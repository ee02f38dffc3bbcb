"""Which trainings the studies of methods hold, at each scale."""

import pytest

from effmeter.errors import UsageError
from effmeter.lab.studies.gradient_approximation.study import SCALES as S4_SCALES
from effmeter.lab.studies.method_results import MethodScale
from effmeter.lab.studies.ssprop.study import SCALES as S3_SCALES
from effmeter.lab.studies.variant import cells_of
from effmeter.lab.workloads import Recipe
from effmeter.methods.registry import parse_method
from tests.lab.studies.method_runs import COMMON

ALL = [*S3_SCALES.values(), *S4_SCALES.values()]


@pytest.mark.parametrize("scale", ALL, ids=lambda scale: scale.name)
def test_every_training_of_a_scale_can_be_prepared(scale: MethodScale) -> None:
    cells = cells_of(scale.variants, (0, 1), COMMON)
    assert len({frozenset(cell.labels.items()) for cell in cells}) == len(cells)
    assert len(cells) == 2 * len(scale.variants)
    for text in {variant.method for variant in scale.variants}:
        parse_method(text)


@pytest.mark.parametrize("scale", ALL, ids=lambda scale: scale.name)
def test_every_control_is_trained_and_named(scale: MethodScale) -> None:
    for comparison in (c for table in scale.tables for c in table.comparisons):
        for arm in comparison.arms:
            for control in arm.controls:
                assert comparison.name_of(control) != "dense"


@pytest.mark.parametrize("scales", [S3_SCALES, S4_SCALES], ids=["s3", "s4"])
def test_the_tiny_scale_needs_no_files(scales: dict[str, MethodScale]) -> None:
    cells_of(scales["tiny"].variants, (0,), Recipe("", device="cpu"))
    with pytest.raises(UsageError, match="name a folder"):
        cells_of(scales["small"].variants, (0,), Recipe("", device="cpu"))


def test_only_the_full_scale_trains_on_faces_and_photographs() -> None:
    only_full = {"celeba", "celeba-faces", "imagenet"}
    for name, scale in S3_SCALES.items():
        datasets = {variant.recipe.dataset for variant in scale.variants}
        assert (only_full <= datasets) == (name == "full")


def test_every_scale_trains_diffusion_models() -> None:
    for scale in S3_SCALES.values():
        generating = [v for v in scale.variants if v.recipe.architecture == "ddpm"]
        assert generating
        assert all(variant.recipe.metrics == ("fid", "error") for variant in generating)


def test_whole_comparisons_of_a_seed_come_before_the_next_seed() -> None:
    cells = cells_of(S4_SCALES["tiny"].variants, (3, 4), COMMON)
    seeds = [cell.recipe.seed for cell in cells]
    assert seeds == sorted(seeds)


def test_a_part_can_be_asked_for_alone() -> None:
    scale = S3_SCALES["tiny"]
    assert scale.restricted_to([]).tables == scale.tables
    assert [table.part for table in scale.restricted_to(["table-6"]).tables] == ["table-6"]
    with pytest.raises(UsageError, match="no part 'table-9'; its parts are table-4"):
        scale.restricted_to(["table-9"])
