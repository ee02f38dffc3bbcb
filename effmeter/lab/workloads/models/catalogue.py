"""The networks by name. A new one is an entry here and a function that builds it.

Listing them loads no framework; a text such as ``resnet50:width=32,dropout=0.4`` names one with
its options.
"""

from effmeter.errors import UsageError
from effmeter.lab.spec import name_and_options
from effmeter.lab.workloads.models.building import (
    build_bcnn,
    build_cnn2,
    build_ddpm,
    build_densenet,
    build_lenet,
    build_mobilenet,
    resnet_builder,
    vgg_builder,
    wide_resnet_builder,
)
from effmeter.lab.workloads.models.entry import Model
from effmeter.lab.workloads.options import Choice, Number, Option, OptionValue, Whole, resolve


def parse_model(text: str) -> tuple[Model, dict[str, OptionValue]]:
    """The model of a text ``NAME`` or ``NAME:option=value,...``, and every option's value.

    UsageError names the models, the options of one, or the values that an option takes.
    """
    name, options = name_and_options(text)
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}; choose from {', '.join(MODELS)}")
    model = MODELS[name]
    return model, resolve(name, model.options, options)


def _width(channels: int) -> dict[str, Option]:
    return {"width": Whole(channels, 1, "channels of the first stage")}


_LENET_SIZE = Whole(1, 1, "multiplies channels and hidden units, up to 5")
_HIDDEN: dict[str, Option] = {
    "hidden": Number(1.0, 0.01, "width inside blocks, as a fraction of the stage's")
}
_DROPOUT: dict[str, Option] = {"dropout": Number(0.0, 0.0, "fraction that dropout drops", 1.0)}

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "lenet",
            "LeNet with softplus activations",
            build_lenet,
            {"size": _LENET_SIZE},
        ),
        Model(
            "bcnn",
            "LeNet with uncertain weights",
            build_bcnn,
            {
                "size": _LENET_SIZE,
                "posterior": Choice(
                    ("gaussian", "dropout"), "a Gaussian for each weight, or dropout of a half"
                ),
            },
        ),
        Model("cnn2", "two convolutions and a linear layer", build_cnn2, _width(32) | _DROPOUT),
        Model(
            "resnet14",
            "2-2-2 basic blocks, 16-32-64 wide",
            resnet_builder(2, 2, 2, shortcut="padding"),
            _width(16) | _DROPOUT,
        ),
        Model(
            "resnet18", "2-2-2-2 basic blocks", resnet_builder(2, 2, 2, 2), _width(64) | _DROPOUT
        ),
        Model(
            "resnet20",
            "3-3-3 basic blocks, 16-32-64 wide",
            resnet_builder(3, 3, 3, shortcut="padding"),
            _width(16) | _DROPOUT,
        ),
        Model(
            "resnet26", "2-3-5-2 basic blocks", resnet_builder(2, 3, 5, 2), _width(64) | _DROPOUT
        ),
        Model(
            "resnet50",
            "3-4-6-3 bottlenecks",
            resnet_builder(3, 4, 6, 3, block="bottleneck"),
            _width(64) | _DROPOUT,
        ),
        Model(
            "vgg11", "eight 3x3 convolutions, batch norm", vgg_builder(1, 1, 2, 2, 2), _width(64)
        ),
        Model(
            "vgg19", "sixteen 3x3 convolutions, batch norm", vgg_builder(2, 2, 4, 4, 4), _width(64)
        ),
        Model(
            "wrn10-1",
            "wide residual network, 1-1-1 blocks without their second norm",
            wide_resnet_builder(10),
            _width(16) | _HIDDEN,
        ),
        Model(
            "wrn28-1",
            "wide residual network, 4-4-4 blocks without their second norm",
            wide_resnet_builder(28),
            _width(16) | _HIDDEN,
        ),
        Model(
            "densenet121",
            "four dense blocks, 6-12-24-16 layers",
            build_densenet,
            {"growth": Whole(32, 1, "channels that each layer adds")},
        ),
        Model(
            "mobilenetv2",
            "inverted residuals",
            build_mobilenet,
            {"width": Number(1.0, 0.1, "multiplies all channels"), **_DROPOUT},
        ),
        Model(
            "ddpm",
            "U-Net of a diffusion model",
            build_ddpm,
            {
                "width": Whole(16, 16, "channels of the finest level, a multiple of 16"),
                "multipliers": Choice(
                    ("1-2-4", "1-2-2-2"), "channels of the levels, times the width"
                ),
                **_DROPOUT,
            },
            task="denoising",
        ),
    )
}
"""By name."""
