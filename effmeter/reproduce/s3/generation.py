"""Table 5: diffusion models with and without the method."""

from effmeter.methods.workloads import Recipe
from effmeter.reproduce.comparison import Comparison, TablePlan
from effmeter.reproduce.s3.arms import ssprop_arms
from effmeter.reproduce.s3.settings import Settings
from effmeter.reproduce.variant import Variant

_GREY_EPOCHS, _FACES_EPOCHS = 500, 100
"""Decided here."""


def generation_plan(settings: Settings) -> TablePlan:
    """The U-Nets of the paper on MNIST, FashionMNIST and CelebA; filled at the full scale."""
    name, title = "Table 5", "generation by diffusion models"
    if not settings.generates:
        note = "not filled: diffusion models are trained at --scale full alone"
        return TablePlan("table-5", name, title, notes=(note,))
    models = _grey("mnist"), _grey("fashion-mnist"), _faces()
    comparisons = tuple(Comparison(dense, ssprop_arms(dense)) for dense in models)
    notes = (
        "error of the noise in place of the paper's FID, which needs samples and an Inception "
        "network: less is better; no published FID is held",
    )
    return TablePlan("table-5", name, title, comparisons, notes)


def _grey(dataset: str) -> Variant:
    recipe = Recipe("ddpm", dataset, batch_size=128, metrics=("error",), method="dense")
    return Variant(recipe, _GREY_EPOCHS)


def _faces() -> Variant:
    options = (("width", 128), ("multipliers", "1-2-2-2"), ("steps", 1000))
    recipe = Recipe(
        "ddpm",
        "celeba-faces",
        batch_size=128,
        learning_rate=2e-4,
        metrics=("error",),
        options=options,
        method="dense",
    )
    return Variant(recipe, _FACES_EPOCHS)
