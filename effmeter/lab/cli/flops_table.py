"""The output of ``effmeter flops``: the same figures as text and as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effmeter.lab.workloads.models.entry import Images
from effmeter.report.page import Page

if TYPE_CHECKING:
    from effmeter.methods.flops.work import LayerWork, Work

_HEADINGS = ("", "layers", "forward", "backward", "executed", "nominal")
_NUMERIC = range(1, len(_HEADINGS))
_SCALES = (
    (1e15, "quadrillions"),
    (1e12, "trillions"),
    (1e9, "billions"),
    (1e6, "millions"),
    (1e3, "thousands"),
)
_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class OperationCounts:
    """Operations: of the forward pass that runs, and of the backward pass three times."""

    forward_flops: float
    backward_flops: float
    executed_backward_flops: float
    nominal_backward_flops: float | None
    """None for layers that the nominal account leaves out."""

    def __mul__(self, factor: float) -> "OperationCounts":
        nominal = self.nominal_backward_flops
        return OperationCounts(
            self.forward_flops * factor,
            self.backward_flops * factor,
            self.executed_backward_flops * factor,
            None if nominal is None else nominal * factor,
        )

    def as_mapping(self) -> dict[str, float | None]:
        """By name."""
        return {
            "forward_flops": self.forward_flops,
            "backward_flops": self.backward_flops,
            "executed_backward_flops": self.executed_backward_flops,
            "nominal_backward_flops": self.nominal_backward_flops,
        }


@dataclass(frozen=True, slots=True)
class FlopsCount:
    """The work of an iteration, and the settings that it follows from."""

    model: str
    images: Images
    batch_size: int
    method: str
    work: "Work"
    samples: int | None = None
    epochs: int | None = None

    @property
    def input(self) -> str:
        """The shape of an image, as it is given."""
        return f"{self.images.channels}x{self.images.height}x{self.images.width}"

    @property
    def iterations(self) -> float | None:
        """Of the training, if its samples and epochs are known."""
        from effmeter.methods.flops.counter import iterations

        if self.samples is None or self.epochs is None:
            return None
        return iterations(self.samples, self.batch_size, self.epochs)

    def as_mapping(self, with_layers: bool) -> dict[str, object]:
        """Everything, for JSON; operations are those of one iteration but for ``training``."""
        mapping: dict[str, object] = {
            "model": self.model,
            "input": self.input,
            "classes": self.images.classes,
            "batch_size": self.batch_size,
            "method": self.method,
            "kinds": {
                kind: {"layers": len(part.layers), **_figures(part).as_mapping()}
                for kind, part in _kinds(self.work)
            },
            "total": _figures(self.work).as_mapping(),
        }
        if with_layers:
            mapping["layers"] = [
                {"name": layer.name, "kind": layer.kind, **_of_layer(layer).as_mapping()}
                for layer in self.work
            ]
        if self.iterations is not None:
            mapping["training"] = {
                "samples": self.samples,
                "epochs": self.epochs,
                "iterations": self.iterations,
                **(_figures(self.work) * self.iterations).as_mapping(),
            }
        return mapping


def page_of(count: FlopsCount, with_layers: bool) -> Page:
    """Everything, as text for stdout."""
    page = Page.for_stream()
    total = _figures(count.work)
    scale, unit = _scale(total)
    page.paragraph(
        f"{count.model} on {count.input} images, batch {count.batch_size}, {count.method}"
    )
    page.paragraph(f"{unit} of operations per iteration")
    page.blank()
    rows: list[tuple[str, ...]] = [
        (kind, str(len(part.layers)), *_cells(_figures(part), scale))
        for kind, part in _kinds(count.work)
    ]
    rows.append(("total", str(len(count.work.layers)), *_cells(total, scale)))
    page.table(_HEADINGS, rows, _NUMERIC, indent=0)
    page.blank()
    page.paragraph("nominal total: convolution, batch norm and dropout")
    if with_layers:
        page.blank()
        layers = [(f"{x.name} ({x.kind})", "", *_cells(_of_layer(x), scale)) for x in count.work]
        page.table(("layer", "", *_HEADINGS[2:]), layers, _NUMERIC, indent=0)
    if count.iterations is not None:
        page.blank()
        _add_training(page, count, count.iterations)
    return page


def _add_training(page: Page, count: FlopsCount, iterations: float) -> None:
    whole = _figures(count.work) * iterations
    scale, unit = _scale(whole)
    page.paragraph(
        f"{unit} of operations in {iterations:,.2f} iterations "
        f"({count.epochs} epochs of {count.samples} samples)"
    )
    page.blank()
    row = ("training", "", *_cells(whole, scale))
    page.table(("", "", *_HEADINGS[2:]), [row], _NUMERIC, indent=0)


def _kinds(work: "Work") -> "Iterator[tuple[str, Work]]":
    return ((kind, work.of_kind(kind)) for kind in work.kinds)


def _figures(part: "Work") -> OperationCounts:
    """The sums over layers; nominal those of the kinds that it sums."""
    from effmeter.methods.flops.work import NOMINAL_KINDS

    is_nominal = any(layer.kind in NOMINAL_KINDS for layer in part)
    return OperationCounts(
        part.executed.forward,
        part.dense.backward,
        part.executed.backward,
        part.nominal.backward if is_nominal else None,
    )


def _of_layer(layer: "LayerWork") -> OperationCounts:
    from effmeter.methods.flops.work import Work

    return _figures(Work((layer,)))


def _scale(figures: OperationCounts) -> tuple[float, str]:
    """The largest unit in which the largest figure is at least one."""
    largest = max(figures.forward_flops, figures.backward_flops)
    return next(((scale, unit) for scale, unit in _SCALES if largest >= scale), (1.0, "counts"))


def _cells(figures: OperationCounts, scale: float) -> tuple[str, ...]:
    return tuple(_cell(value, scale) for value in figures.as_mapping().values())


def _cell(value: float | None, scale: float) -> str:
    """Two decimals; more where they would hide what is there."""
    if value is None:
        return "-"
    shown = value / scale
    return f"{shown:,.{_DECIMALS}f}" if shown >= 0.1 or not shown else f"{shown:.2g}"
