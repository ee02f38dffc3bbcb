"""Convolutions' backward passes by the methods' kernels, beside PyTorch's dense ones."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Figure, Result, counted, paired
from benchmarks.methods import Entry, Workload
from benchmarks.surroundings import Surroundings, run

NAME = "kernels"
TITLE = "the backward pass of a convolution by a kernel, beside PyTorch's dense one"

MODELS = ("resnet20", "resnet18", "vgg19")
BATCH = 128
KEEP = 0.2
FEWEST_CHANNELS = 64
"""Of the layers whose backward pass by ssProp is summed up."""
LAYOUTS = ("NCHW", "channels_last")
STEPS = (
    Entry(f"ssprop:drop={1 - KEEP:g},schedule=constant"),
    Entry(f"ssprop:drop={1 - KEEP:g},schedule=constant,autotune=true"),
    Entry("max-gradient:schedule=all"),
    Entry("max-gradient:schedule=all,autotune=true"),
)

Times = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One layer: how it is called, what it is, and the seconds of each pass."""

    name: str
    shape: Mapping[str, Any]
    seconds: Times

    @property
    def is_plain(self) -> bool:
        """3x3, and not the first of its network."""
        return not self.shape["is_stem"] and all(side == 3 for side in self.shape["kernel"])

    @property
    def is_wide(self) -> bool:
        """With enough channels on both sides for dropping most of them to leave some."""
        narrower: int = min(self.shape["inputs"], self.shape["outputs"])
        return narrower >= FEWEST_CHANNELS

    def speed_up(self, dense: str, by: str) -> float:
        """The median of the rounds' ratios."""
        pairs = zip(self.seconds[dense], self.seconds[by], strict=True)
        return statistics.median(dense_s / by_s for dense_s, by_s in pairs)

    def faster_layout(self, part: str) -> str:
        """In which PyTorch's dense pass is faster."""
        return min(
            LAYOUTS, key=lambda layout: statistics.median(self.seconds[f"{part}, dense, {layout}"])
        )


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Every distinct convolution of three networks in turn, then whole steps."""
    models, rounds, batch = (MODELS[:1], 2, 16) if quick else (MODELS, 7, BATCH)
    tell(f"{rounds} rounds of every convolution of {', '.join(models)}")
    settings = {"models": models, "rounds": rounds, "batch": batch, "keep": KEEP}
    answer = run("kernel_layers", settings, place.environ)
    floor: list[Figure] = []
    figures: list[Figure] = []
    facts: dict[str, str | float] = {"device": answer["device"], "batch": batch}
    for speeds in answer["precisions"]:
        layers = [_measured(layer) for layer in speeds["layers"]]
        floor += [_floor(layer, speeds, batch) for layer in layers]
        figures += [figure for layer in layers for figure in _figures(layer, speeds["precision"])]
        facts |= _summary(layers, speeds)
    for model in models:
        tell(f"{rounds} rounds of whole steps of {model}")
        figures += _steps(model, batch, rounds, place.environ)
    return Result(NAME, TITLE, tuple(floor), tuple(figures), facts)


def _measured(layer: Mapping[str, Any]) -> Measured:
    kernel, stride = layer["kernel"], layer["stride"]
    name = (
        f"{layer['inputs']}-{layer['outputs']} at {layer['height']}x{layer['width']}, "
        f"{kernel[0]}x{kernel[1]}" + (f" by {stride[0]}" if stride[0] > 1 else "")
    )
    return Measured(name + (", stem" if layer["is_stem"] else ""), layer, layer["seconds"])


def _floor(layer: Measured, speeds: Mapping[str, Any], batch: int) -> Figure:
    """The least time of the max gradient: bytes over bandwidth or operations over rate."""
    shape = layer.shape
    width = 2 if speeds["precision"] == "bfloat16" else 4
    area = math.prod(
        (shape[side] + 2 * pad - size) // step + 1
        for side, pad, size, step in zip(
            ("height", "width"), shape["padding"], shape["kernel"], shape["stride"], strict=True
        )
    )
    products = shape["inputs"] * shape["outputs"] * math.prod(shape["kernel"])
    inputs = shape["inputs"] * shape["height"] * shape["width"]
    moved = width * (batch * (inputs + shape["outputs"] * area) + products)
    least = max(moved / speeds["bytes_per_s"], 2 * batch * products / speeds["flops_per_s"])
    dense = max(moved / speeds["bytes_per_s"], 2 * batch * area * products / speeds["flops_per_s"])
    name = f"{layer.name}, max gradient, {speeds['precision']}"
    return counted(name, "ms", 1e3 * least, "dense", 1e3 * dense)


def _figures(layer: Measured, precision: str) -> Iterator[Figure]:
    for part, method in (("weights", "max gradient"), ("both", "ssProp")):
        for layout in LAYOUTS:
            here, dense = (
                [1e3 * seconds for seconds in layer.seconds[f"{part}, {by}, {layout}"]]
                for by in (method, "dense")
            )
            name = f"{layer.name}, {method}, {precision}, {layout}"
            yield paired(name, "ms", here, "dense", dense)


def _summary(layers: Sequence[Measured], speeds: Mapping[str, Any]) -> dict[str, str | float]:
    plain = [layer for layer in layers if layer.is_plain]
    facts: dict[str, str | float] = {
        "bandwidth": f"{speeds['bytes_per_s'] * 1e-9:.0f} GB/s",
        "rate": f"{speeds['flops_per_s'] * 1e-9:.0f} GFLOP/s",
    }
    for part, method, chosen in (
        ("weights", "max gradient", plain),
        ("both", "ssProp", [layer for layer in plain if layer.is_wide]),
    ):
        for layout in (*LAYOUTS, "the faster layout"):
            if chosen:
                ratios = _ratios(chosen, part, method, layout)
                facts[f"{method}, 3x3 without stems, {layout}"] = _in_words(ratios)
    return {f"{speeds['precision']}: {name}": fact for name, fact in facts.items()}


def _ratios(
    layers: Sequence[Measured], part: str, method: str, layout: str
) -> list[tuple[float, str]]:
    ratios = []
    for layer in layers:
        own = layout if layout in LAYOUTS else layer.faster_layout(part)
        dense, by = f"{part}, dense, {own}", f"{part}, {method}, {own}"
        ratios.append((layer.speed_up(dense, by), layer.name))
    return ratios


def _in_words(ratios: Sequence[tuple[float, str]]) -> str:
    mean = statistics.geometric_mean(ratio for ratio, _ in ratios)
    (least, where), most = min(ratios), max(ratios)[0]
    return (
        f"{mean:.2f}x as fast as dense in the geometric mean of {len(ratios)} layers, "
        f"from {least:.2f}x ({where}) to {most:.2f}x"
    )


def _steps(model: str, batch: int, rounds: int, environ: Mapping[str, str]) -> Iterator[Figure]:
    workload = Workload(model, model, batch, STEPS)
    answer = run("method_steps", {**asdict(workload), "rounds": rounds}, environ)
    for entry, turns in zip(STEPS, answer["methods"], strict=True):
        for part in entry.parts:
            here, dense = (
                [1e-6 * turn[kind][part] for turn in turns["rounds"]]
                for kind in ("method", "dense")
            )
            yield paired(f"{model}, {entry.method}, {part}", "ms", here, "dense", dense)
