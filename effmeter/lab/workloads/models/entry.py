"""The entries of the catalogue of networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from effmeter.lab.workloads.options import Option, OptionValue

if TYPE_CHECKING:
    from torch import nn

Options = Mapping[str, OptionValue]
"""Every option of the model with its value."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images that a model reads, and its number of classes (unused by a denoiser)."""

    channels: int = 3
    height: int = 32
    width: int = 32
    classes: int = 10


@dataclass(frozen=True, slots=True)
class Model:
    """A network that can be built for images of some shape."""

    name: str
    summary: str
    build: "Callable[[Images, Options], nn.Module]"
    """Weights are drawn from torch's generator, on torch's default device. UnfitError for images
    or options that it cannot have."""
    options: Mapping[str, Option] = field(default_factory=dict)
    task: Literal["classification", "denoising"] = "classification"
    """A classifier is called with images (B, C, H, W), a denoiser also with steps (B,)."""
