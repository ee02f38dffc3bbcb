"""Reports as JSON; ``docs/schemas/report.schema.json`` describes it."""

from effmeter.report.efficiency_mapping import comparison_as_mapping
from effmeter.report.formatting import json_text
from effmeter.report.renderer import Renderer, Report
from effmeter.report.run_mapping import run_as_mapping, total_as_mapping


class JsonRenderer(Renderer):
    """Everything, whatever the options: every run with its epochs and spans."""

    def render(self, report: Report) -> str:
        """The report as one JSON object."""
        contents = {
            "runs": [run_as_mapping(analysis) for analysis in report.runs],
            "total": total_as_mapping([analysis.run for analysis in report.runs]),
            **{name: comparison_as_mapping(each) for name, each in report.comparisons.items()},
            "errors": report.errors,
        }
        return json_text(contents)
