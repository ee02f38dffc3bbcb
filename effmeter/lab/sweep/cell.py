"""One training of a grid: what it follows from, what ends it, how its run is labelled."""

from dataclasses import dataclass, fields

from effmeter.lab.sweep.ending import Ending
from effmeter.lab.workloads import ARCHITECTURES, DATASETS, Recipe, resolved_options
from effmeter.runfile.format import Label

_ALWAYS_LABELLED = ("architecture", "size", "seed", "dataset", "batch_size", "device")
_NO_SETTINGS = ("options", "data_dir", "download")
"""Options are labelled one by one; where the data lie changes no training."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A recipe that ``check`` accepts, on a device named in full, and when its run ends."""

    recipe: Recipe
    ending: Ending

    @property
    def name(self) -> str:
        """The name of its run, such as ``lenet-2-digits-seed-0``; other settings may share it."""
        recipe = self.recipe
        fold = "" if recipe.fold is None else f"-fold-{recipe.fold}"
        model = f"{recipe.architecture}-{recipe.size}-{recipe.dataset}"
        method = "" if recipe.method is None else f"-{recipe.method.replace('/', '-')}"
        return f"{model}{method}-seed-{recipe.seed}{fold}"

    @property
    def labels(self) -> dict[str, Label]:
        """What its run is labelled with: all its settings, those at their default left out.

        Two trainings are the same if and only if their labels are. Where the files of a data
        set lie is no setting.
        """
        recipe = self.recipe
        labels = {
            **{name: getattr(recipe, name) for name in _ALWAYS_LABELLED},
            "stop": self.ending.label,
            **_unusual_settings(recipe),
            **_chosen_options(recipe),
        }
        return {name: _label(value) for name, value in labels.items()}


def _unusual_settings(recipe: Recipe) -> dict[str, object]:
    """What is not at its default."""
    plain = Recipe(recipe.architecture)
    named = (field.name for field in fields(Recipe))
    return {
        name: getattr(recipe, name)
        for name in named
        if name not in (*_ALWAYS_LABELLED, *_NO_SETTINGS)
        and getattr(recipe, name) != getattr(plain, name)
    }


def _chosen_options(recipe: Recipe) -> dict[str, Label]:
    """The options that are not at their default."""
    known = {**ARCHITECTURES[recipe.architecture].options, **DATASETS[recipe.dataset].options}
    values = resolved_options(recipe).items()
    return {name: value for name, value in values if value != known[name].default}


def _label(value: object) -> Label:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    assert isinstance(value, str | int | float)
    return value
