"""From a recipe to a training, checked before torch and the data load."""

from typing import TYPE_CHECKING

from effmeter.lab.workloads.recipe import (
    Recipe,
    architecture_of,
    check,
    dataset_of,
    resolved_options,
)
from effmeter.methods.registry import parse_method

if TYPE_CHECKING:
    from effmeter.lab.workloads.training import Training


def check_method(recipe: Recipe) -> None:
    """UsageError for a method that cannot be made of its text; loads the framework."""
    if recipe.method is not None:
        parse_method(recipe.method, seed=recipe.seed)


def prepare(recipe: Recipe) -> "Training":
    """The training that follows from a recipe, its data loaded, on its device, ready to run.

    UsageError for what cannot be trained or read (a file that is no such file, a device that
    there is not, a fold without a class), FileNotFoundError or another OSError for files that
    are not there, ImportError without the packages; what the device has no memory for is
    torch's own error.
    """
    check(recipe)
    from effmeter.lab.workloads.assembly import assembled

    return assembled(recipe, architecture_of(recipe), dataset_of(recipe), resolved_options(recipe))
