"""``effmeter flops``: what an iteration of a training computes, counted from the real layers."""

import re
from typing import TYPE_CHECKING

import click

from effmeter.cli.output import emit
from effmeter.errors import EffmeterError, UsageError
from effmeter.lab.cli.flops_table import FlopsCount, page_of
from effmeter.lab.cli.parameters import checked_methods
from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.models.entry import Images
from effmeter.report.formatting import json_text

if TYPE_CHECKING:
    from effmeter.methods.flops.work import Work

_SHAPE = re.compile(r"([1-9]\d*)x([1-9]\d*)x([1-9]\d*)")


def _described_models() -> str:
    return ", ".join(f"{name} ({' '.join(model.options)})" for name, model in MODELS.items())


@click.command("flops", epilog=f"Models and their options: {_described_models()}.")
@click.argument("model")
@click.option(
    "--input",
    "shape",
    default="3x32x32",
    show_default=True,
    metavar="CxHxW",
    help="Channels, height and width of an image.",
)
@click.option(
    "--batch-size",
    default=128,
    show_default=True,
    type=click.IntRange(min=1),
    help="Images in a batch.",
)
@click.option(
    "--classes",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Classes of the data set.",
)
@click.option(
    "--method",
    "method_text",
    default="dense",
    show_default=True,
    metavar="METHOD",
    callback=checked_methods,
    help="Training-acceleration method with its parameters: ssprop:drop=0.8,period=2. The count "
    "is the average over its schedule.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Epochs of the training, for its total (with --samples) and for schedules.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    help="Training and validation samples of an epoch; adds the total of the training.",
)
@click.option("--layers", "with_layers", is_flag=True, help="Also list every layer.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    model: str,
    shape: str,
    batch_size: int,
    classes: int,
    method_text: str,
    epochs: int | None,
    samples: int | None,
    with_layers: bool,
    as_json: bool,
) -> None:
    """Count the floating-point operations of an iteration of training MODEL.

    MODEL is a name, with or without options: resnet50:dropout=0.4. The count follows from the
    shapes of the real layers; nothing is trained.

    A multiplication and an addition are two operations. The column "backward" counts the dense
    backward pass, "executed" the part of it that the method executes. "nominal" follows the
    ssProp paper: it allows fractions of channels and includes the gradient of the images. Its
    total sums convolutions, batch norm and dropout.
    """
    if samples is not None and epochs is None:
        raise UsageError("--samples gives the total of a training: add --epochs")
    images = _images(shape, classes)
    work = _counted(model, images, batch_size, method_text, epochs)
    count = FlopsCount(model, images, batch_size, method_text, work, samples, epochs)
    if as_json:
        emit(json_text(count.as_mapping(with_layers)))
    else:
        emit(str(page_of(count, with_layers)))


def _images(shape: str, classes: int) -> Images:
    match = _SHAPE.fullmatch(shape)
    if match is None:
        raise UsageError(f"--input takes channels, height and width as 3x32x32, not {shape!r}")
    channels, height, width = map(int, match.groups())
    return Images(channels, height, width, classes)


def _counted(text: str, images: Images, batch: int, method_text: str, epochs: int | None) -> "Work":
    try:
        from effmeter.lab.workloads.models.flops import work_of
        from effmeter.methods.registry import parse_method

        return work_of(text, images, batch, parse_method(method_text), epochs)
    except ModuleNotFoundError as error:
        raise EffmeterError(
            f"{error.name} is not installed, and counting needs it: "
            'python -m pip install "effmeter[torch]"'
        ) from error
    except RuntimeError as error:
        # Nothing is computed here: all that can go wrong inside the framework are shapes.
        given = f"{images.channels}x{images.height}x{images.width}"
        reason = str(error).splitlines()[0]
        raise UsageError(f"{text} cannot read images of {given}: {reason}") from error
