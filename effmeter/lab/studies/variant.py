"""One way of training in a study, which is repeated over seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from effmeter.lab.sweep import Cell, Ending
from effmeter.lab.workloads import Recipe, check
from effmeter.lab.workloads.options import OptionValue

DENSE = "dense"
Network = tuple[str, int]
"""An architecture and the width of its first stage."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe, whose seed, device and place of the data are filled in later, and its epochs."""

    recipe: Recipe
    epochs: int

    @property
    def method(self) -> str:
        """The text of the method."""
        return self.recipe.method or DENSE

    @property
    def model(self) -> str:
        """The network with its options, such as ``resnet18 width=8``."""
        recipe = self.recipe
        size = () if recipe.size == 1 else (f"size={recipe.size}",)
        options = (f"{name}={value}" for name, value in recipe.options if name != "shifts")
        return " ".join((recipe.architecture, *size, *options))

    def using(self, method: str) -> "Variant":
        """The same with another method."""
        return replace(self, recipe=replace(self.recipe, method=method))

    def with_option(self, name: str, value: OptionValue) -> "Variant":
        """The same with an option of the model set."""
        others = tuple(pair for pair in self.recipe.options if pair[0] != name)
        return replace(self, recipe=replace(self.recipe, options=(*others, (name, value))))

    def cell(self, seed: int, common: Recipe) -> Cell:
        """The training of one seed; ``common`` says where, and where the data are."""
        recipe = replace(
            self.recipe,
            seed=seed,
            device=common.device,
            data_dir=common.data_dir,
            download=common.download,
        )
        return Cell(recipe, Ending(self.epochs))


def dense_variant(network: Network, epochs: int, common: Recipe) -> Variant:
    """The dense training of a network; ``common`` says on what, and how it is trained."""
    architecture, width = network
    unshifted = (("shifts", 0),) if common.dataset == "digits" else ()
    options = (("width", width), *unshifted)
    recipe = replace(common, architecture=architecture, options=options, method=DENSE)
    return Variant(recipe, epochs)


def cells_of(variants: Iterable[Variant], seeds: Sequence[int], common: Recipe) -> list[Cell]:
    """Every variant with every seed, each once, all variants of a seed before the next seed.

    An interrupted study thus has whole comparisons. UsageError for what cannot be trained.
    """
    each = dict.fromkeys(variants)
    cells = [variant.cell(seed, common) for seed in seeds for variant in each]
    for cell in cells:
        check(cell.recipe)
    return cells
