"""Builds the networks of the catalogue; each loads its module, and torch, when it is called."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from effmeter.errors import UnfitError
from effmeter.lab.workloads.models.entry import Images, Options

if TYPE_CHECKING:
    from torch import nn

    from effmeter.lab.workloads.models.resnet import Block, Shortcut


def build_lenet(images: Images, options: Options) -> "nn.Module":
    """LeNet."""
    from effmeter.lab.workloads.lenet import LeNet

    _check_lenet("lenet", images)
    return LeNet(int(options["size"]), channels=images.channels, classes=images.classes)


def build_bcnn(images: Images, options: Options) -> "nn.Module":
    """LeNet with uncertain weights."""
    from effmeter.lab.workloads.bayesian_lenet import dropout_lenet, gaussian_lenet

    _check_lenet("bcnn", images)
    make = dropout_lenet if options["posterior"] == "dropout" else gaussian_lenet
    return make(int(options["size"]), channels=images.channels, classes=images.classes)


def _check_lenet(name: str, images: Images) -> None:
    if (images.height, images.width) != (32, 32):
        given = f"{images.height}x{images.width}"
        raise UnfitError(f"{name} reads images of 32x32 pixels, not {given}")


def build_cnn2(images: Images, options: Options) -> "nn.Module":
    """The network of two convolutions."""
    from effmeter.lab.workloads.models.cnn2 import CNN2

    if min(images.height, images.width) < 4:
        given = f"{images.height}x{images.width}"
        raise UnfitError(f"cnn2 reads images of 4x4 pixels and more, not {given}")
    return CNN2(
        int(options["width"]),
        channels=images.channels,
        classes=images.classes,
        image_size=(images.height, images.width),
        dropout=float(options["dropout"]),
    )


def resnet_builder(
    *depths: int, block: "Block" = "basic", shortcut: "Shortcut" = "projection"
) -> "Callable[[Images, Options], nn.Module]":
    """A function that builds a residual network; ``depths``: blocks in each stage."""

    def build(images: Images, options: Options) -> "nn.Module":
        from effmeter.lab.workloads.models.resnet import ResNet

        return ResNet(
            depths,
            int(options["width"]),
            block=block,
            shortcut=shortcut,
            dropout=float(options["dropout"]),
            channels=images.channels,
            classes=images.classes,
        )

    return build


def vgg_builder(*depths: int) -> "Callable[[Images, Options], nn.Module]":
    """A function that builds a VGG network; ``depths``: convolutions in each stage."""

    def build(images: Images, options: Options) -> "nn.Module":
        from effmeter.lab.workloads.models.vgg import VGG

        width = int(options["width"])
        return VGG(depths, width, channels=images.channels, classes=images.classes)

    return build


def wide_resnet_builder(depth: int) -> "Callable[[Images, Options], nn.Module]":
    """A function that builds a wide residual network of ``depth`` layers."""

    def build(images: Images, options: Options) -> "nn.Module":
        from effmeter.lab.workloads.models.wrn import WideResNet

        return WideResNet(
            depth,
            hidden=float(options["hidden"]),
            width=int(options["width"]),
            channels=images.channels,
            classes=images.classes,
        )

    return build


def build_densenet(images: Images, options: Options) -> "nn.Module":
    """DenseNet-121."""
    from effmeter.lab.workloads.models.densenet import DenseNet

    growth = int(options["growth"])
    return DenseNet(growth=growth, channels=images.channels, classes=images.classes)


def build_mobilenet(images: Images, options: Options) -> "nn.Module":
    """MobileNetV2."""
    from effmeter.lab.workloads.models.mobilenet import MobileNetV2

    return MobileNetV2(
        float(options["width"]),
        dropout=float(options["dropout"]),
        channels=images.channels,
        classes=images.classes,
    )


def build_ddpm(images: Images, options: Options) -> "nn.Module":
    """The U-Net of a diffusion model; it has no classes."""
    from effmeter.lab.workloads.models.unet import UNet

    return UNet(
        int(options["width"]),
        [int(factor) for factor in str(options["multipliers"]).split("-")],
        dropout=float(options["dropout"]),
        channels=images.channels,
    )
