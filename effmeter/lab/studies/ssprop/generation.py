"""Table 5: diffusion models with and without the method."""

from dataclasses import dataclass

from effmeter.lab.studies.comparison import Comparison, TablePlan
from effmeter.lab.studies.ssprop.arms import ssprop_arms
from effmeter.lab.studies.variant import Variant
from effmeter.lab.workloads import Recipe
from effmeter.lab.workloads.options import OptionValue

_NOTES = (
    "fid: the Fréchet distance of generated images from those learned, less is better; "
    "no published one is held",
)
_LEARNED = (
    "fid looks through a small network that has learned the labels of the same images, so it "
    "compares the rows of this table and nothing else",
)


@dataclass(frozen=True, slots=True)
class Generation:
    """A diffusion model, what it learns to draw, and for how long."""

    dataset: str
    epochs: int
    options: tuple[tuple[str, OptionValue], ...]
    batch_size: int = 128
    learning_rate: float = 1e-3

    @property
    def dense(self) -> Variant:
        """Its dense training."""
        recipe = Recipe(
            "ddpm",
            self.dataset,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            metrics=("fid", "error"),
            options=self.options,
            method="dense",
        )
        return Variant(recipe, self.epochs)

    @property
    def looks_through_inception(self) -> bool:
        """Whether its distances are taken as published ones are."""
        return ("features", "inception") in self.options


def generation_plan(models: tuple[Generation, ...]) -> TablePlan:
    """The U-Nets of the paper, or small ones."""
    comparisons = tuple(Comparison(model.dense, ssprop_arms(model.dense)) for model in models)
    learned = not all(model.looks_through_inception for model in models)
    notes = (*_NOTES, *_LEARNED) if learned else _NOTES
    return TablePlan("table-5", "Table 5", "generation by diffusion models", comparisons, notes)
