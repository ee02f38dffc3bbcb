"""Images moved and mirrored as they are trained on."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from effmeter.errors import UsageError
from effmeter.lab.workloads import Recipe, prepare
from effmeter.lab.workloads.augmentation import crops_and_flips


def ramp(rows: int) -> torch.Tensor:
    """Images (rows, 2, 6, 5) whose pixels all differ, none of them 0."""
    image = torch.arange(1.0, 61.0).reshape(2, 6, 5)
    return image.expand(rows, 2, 6, 5)


def test_an_image_is_a_moved_or_mirrored_copy_of_itself() -> None:
    images = ramp(64)
    changed = crops_and_flips(images, torch.Generator().manual_seed(0), margin=1)
    assert changed.shape == images.shape
    padded = torch.nn.functional.pad(images[0], (1,) * 4)
    crops = [padded[:, y : y + 6, x : x + 5] for y in range(3) for x in range(3)]
    possible = [version for crop in crops for version in (crop, crop.flip(2))]
    seen = {next(n for n, p in enumerate(possible) if torch.equal(p, image)) for image in changed}
    assert len(seen) > 12


def test_without_a_margin_half_are_mirrored_and_half_are_not() -> None:
    changed = crops_and_flips(ramp(400), torch.Generator().manual_seed(0), margin=0)
    mirrored = sum(torch.equal(image, ramp(1)[0].flip(2)) for image in changed)
    assert 150 < mirrored < 250
    assert all(
        torch.equal(image, ramp(1)[0]) or torch.equal(image, ramp(1)[0].flip(2))
        for image in changed
    )


def test_what_comes_in_at_an_edge_is_the_background() -> None:
    generator = torch.Generator().manual_seed(0)
    changed = crops_and_flips(ramp(20), generator, margin=4, background=-1.0)
    assert (changed == -1.0).any()
    assert not (changed == 0.0).any()


def recipe(**settings: Any) -> Recipe:
    plain = Recipe("cnn2", device="cpu", options=(("width", 2), ("shifts", 0)))
    return replace(plain, **settings)


def accuracies(chosen: Recipe) -> list[float]:
    logged: list[float] = []

    def log(_: int, /, **metrics: float) -> None:
        logged.append(metrics["train_accuracy"])

    prepare(chosen).run(range(2), log)
    return logged


def test_a_recipe_asks_for_it_and_the_seed_repeats_it() -> None:
    changed = recipe(augmentation="crops-and-flips")
    assert accuracies(changed) == accuracies(changed)
    assert accuracies(changed) != accuracies(recipe())


def test_the_learning_rate_falls_after_each_epoch() -> None:
    training = prepare(recipe(learning_rate=0.01, learning_rate_decay=0.5))
    training.run(range(2), lambda _, /, **metrics: None)
    (group,) = training.optimizer.param_groups
    assert group["lr"] == pytest.approx(0.0025)


def test_the_learning_rate_can_fall_as_a_cosine_over_the_planned_epochs() -> None:
    training = prepare(recipe(learning_rate=0.01, learning_rate_decay="cosine"))
    training.run(range(2), lambda _, /, **metrics: None, planned_epochs=4)
    (group,) = training.optimizer.param_groups
    assert group["lr"] == pytest.approx(0.005)


def test_a_cosine_needs_the_number_of_epochs() -> None:
    training = prepare(recipe(learning_rate_decay="cosine"))
    with pytest.raises(UsageError, match="needs the number of epochs"):
        training.run(iter(range(2)), lambda _, /, **metrics: None)


def test_a_recipe_chooses_the_optimizer() -> None:
    training = prepare(recipe(optimizer="sgd", learning_rate=0.05))
    assert isinstance(training.optimizer, torch.optim.SGD)
    (group,) = training.optimizer.param_groups
    assert (group["lr"], group["momentum"]) == (0.05, 0.9)


def test_a_diffusion_model_is_prepared_with_its_method() -> None:
    text = "ssprop:drop=0.8"
    options = (("steps", 10), ("shifts", 0))
    chosen = Recipe("ddpm", device="cpu", metrics=("error",), options=options, method=text)
    training = prepare(chosen)
    assert training.method is not None
    assert training.method.name == "ssprop"
    assert training.metrics.keys() == {"error"}
    assert isinstance(training.optimizer, torch.optim.AdamW)
