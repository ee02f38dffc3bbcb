"""The architectures by name, in growing sizes. Listing them loads no framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.models.entry import Images, Model
from effmeter.lab.workloads.options import Choice, Number, Option, OptionValue, Whole

if TYPE_CHECKING:
    from torch import nn

    from effmeter.lab.workloads.objectives import Objective

Options = Mapping[str, OptionValue]
"""Every option of the architecture with its value."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The data that a model must fit: images of ``channels`` planes, and their labels."""

    channels: int
    classes: int
    training_images: int
    side: int = 32
    """Height and width of an image in pixels."""
    has_attributes: bool = False
    """Whether an image has ``classes`` labels of 0 or 1 each, instead of one."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of models of growing size."""

    name: str
    summary: str
    sizes: range
    build: "Callable[[int, Shape, Options], tuple[nn.Module, Objective]]"
    """From size, shape and options to a fresh model and the loss that it is trained on; weights
    are drawn from torch's generator. ImportError without the packages that it needs."""
    options: Mapping[str, Option] = field(default_factory=dict)
    is_general: bool = False
    """Whether it reads images larger than 32x32 pixels, and learns attributes as well."""
    denoises: bool = False
    """Whether it learns to remove noise from images instead of classifying them."""


def _lenet(size: int, shape: Shape, options: Options) -> "tuple[nn.Module, Objective]":
    from torch.nn.functional import cross_entropy

    from effmeter.lab.workloads.lenet import LeNet

    model = LeNet(
        size,
        normal_weights=options["initialisation"] == "normal",
        channels=shape.channels,
        classes=shape.classes,
    )
    return model, cross_entropy


def _bcnn(size: int, shape: Shape, options: Options) -> "tuple[nn.Module, Objective]":
    from torch.nn.functional import cross_entropy

    from effmeter.lab.workloads.bayesian import EvidenceBound
    from effmeter.lab.workloads.bayesian_lenet import dropout_lenet, gaussian_lenet

    make = dropout_lenet if options["posterior"] == "dropout" else gaussian_lenet
    model = make(
        size,
        samples=int(options["samples"]),
        channels=shape.channels,
        classes=shape.classes,
    )
    if options["posterior"] == "dropout":
        return model, cross_entropy
    per_image = options["loss"] == "per-image"
    return model, EvidenceBound(model, shape.training_images, float(options["beta"]), per_image)


def _convolutional(model: Model, multiplied: str) -> Architecture:
    """A network of the catalogue; ``multiplied`` is the option that the size multiplies."""

    def build(size: int, shape: Shape, options: Options) -> "tuple[nn.Module, Objective]":
        from torch.nn.functional import cross_entropy

        from effmeter.lab.workloads.objectives import attribute_loss

        images = Images(shape.channels, shape.side, shape.side, shape.classes)
        wider = {**options, multiplied: options[multiplied] * size}
        return model.build(images, wider), (
            attribute_loss if shape.has_attributes else cross_entropy
        )

    summary = f"{model.summary}; size n is n times as wide"
    return Architecture(model.name, summary, range(1, 9), build, model.options, is_general=True)


def _denoiser(model: Model) -> Architecture:
    """A network that becomes a diffusion model."""

    def build(size: int, shape: Shape, options: Options) -> "tuple[nn.Module, Objective]":
        from effmeter.lab.workloads.objectives import mean_error

        images = Images(shape.channels, shape.side, shape.side)
        return model.build(images, {**options, "width": int(options["width"]) * size}), mean_error

    options: dict[str, Option] = {
        "steps": Whole(200, 1, "steps of noise"),
        "features": Choice(
            ("classifier", "inception"),
            "features of fid: a small network that has learned the labels, or the network of "
            "published distances, whose weights must be on this machine",
        ),
        "generated": Whole(1000, 2, "images generated for fid"),
    }
    return Architecture(
        model.name,
        f"{model.summary}; size n is n times as wide",
        range(1, 9),
        build,
        {**model.options, **options},
        is_general=True,
        denoises=True,
    )


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "lenet",
            "LeNet with softplus activations, widths 1 to 5",
            range(1, 6),
            _lenet,
            {
                "initialisation": Choice(
                    ("default", "normal"),
                    "the framework's weights, or all from Normal(0, 1) as in the paper",
                )
            },
        ),
        Architecture(
            "bcnn",
            "LeNet with uncertain weights (Bayes by backprop, or dropout), widths 1 to 5",
            range(1, 6),
            _bcnn,
            {
                "posterior": Choice(
                    ("gaussian", "dropout"), "a Gaussian for each weight, or dropout of a half"
                ),
                "beta": Number(0.1, 0.0, "weight of the divergence from the prior (gaussian)"),
                "loss": Choice(
                    ("per-image", "sum"),
                    "the bound divided by the number of images, or whole as in the paper "
                    "(gaussian)",
                ),
                "samples": Whole(1, 1, "draws that an evaluation averages over"),
            },
        ),
        *(
            _convolutional(model, "growth" if "growth" in model.options else "width")
            for model in MODELS.values()
            if model.name not in ("lenet", "bcnn") and model.task == "classification"
        ),
        *(_denoiser(model) for model in MODELS.values() if model.task == "denoising"),
    )
}
"""By name."""
