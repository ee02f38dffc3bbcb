"""What every output format of a report implements, and the list of the formats.

A new format is a module with a ``Renderer``, and a line in ``RENDERERS``.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from effmeter.analysis.efficiency_framework.result import EfficiencyFramework
from effmeter.analysis.run_analysis import RunAnalysis

RENDERERS = {
    "text": ("effmeter.report.text", "TextRenderer", "Print text."),
    "json": ("effmeter.report.json", "JsonRenderer", "Print JSON."),
    "csv": (
        "effmeter.report.csv",
        "CsvRenderer",
        "Print CSV: a row per run, or with --epochs per epoch.",
    ),
}
"""For each format: the module and class of its renderer, and the help of its option."""
TEXT = "text"


@dataclass(frozen=True, slots=True)
class Report:
    """The analyses that are shown together."""

    runs: Sequence[RunAnalysis] = ()
    comparisons: Mapping[str, EfficiencyFramework] = field(default_factory=dict)
    """Efficiencies over sizes and criteria, by their key in JSON."""
    errors: Sequence[str] = ()
    """One line for each file that could not be analysed."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show besides errors."""
        return not (self.runs or self.comparisons)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How much is shown, and on what."""

    has_details: bool = False
    """All of each run in place of one line a run; a single run always has its details."""
    has_epochs: bool = False
    """The epochs of each run too."""
    width: int | None = None
    """Columns of the output; None: lines of any length."""
    has_styles: bool = False
    """Whether the output shows ANSI styles."""


class Renderer(ABC):
    """One output format."""

    def __init__(self, options: RenderOptions) -> None:
        self.options = options

    @abstractmethod
    def render(self, report: Report) -> str:
        """The report as text, without a newline at its end.

        Raises UsageError where the format has no place for what the report holds.
        """


def renderer_of(name: str, options: RenderOptions) -> Renderer:
    """The renderer of a format in ``RENDERERS``."""
    module_name, class_name, _ = RENDERERS[name]
    made = getattr(importlib.import_module(module_name), class_name)(options)
    assert isinstance(made, Renderer)
    return made
