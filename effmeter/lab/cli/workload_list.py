"""The list of workloads, data sets and methods of ``effmeter sweep --list``."""

from collections.abc import Iterator, Mapping

from effmeter.cli.output import emit
from effmeter.lab.workloads import ARCHITECTURES, DATASETS
from effmeter.lab.workloads.options import Option
from effmeter.methods.registry import method_summaries
from effmeter.report.formatting import json_text
from effmeter.report.page import Page

_NAME_WIDTH = 21


def print_workloads(as_json: bool) -> None:
    """Print the workloads, data sets and methods with the options of each."""
    if as_json:
        emit(json_text(_as_mapping()))
        return
    page = Page.for_stream()
    page.title("Workloads")
    for architecture in ARCHITECTURES.values():
        _add(page, architecture.name, architecture.summary, architecture.options)
    page.blank()
    page.title("Data sets")
    for dataset in DATASETS.values():
        files = "; needs --data-dir or --download" if dataset.needs_files else ""
        _add(page, dataset.name, f"{dataset.summary}{files}", dataset.options)
    page.blank()
    page.title("Methods: --method NAME or --method NAME:parameter=value,...")
    for name, summary in method_summaries().items():
        _add(page, name, summary, {})
    emit(str(page))


def _add(page: Page, name: str, summary: str, options: Mapping[str, Option]) -> None:
    page.paragraph(summary, f"  {name:<{_NAME_WIDTH}} ")
    for option, setting in options.items():
        values = f"{setting.allowed}; default {setting.default}"
        page.paragraph(f"{setting.summary} ({values})", f"    --option {option}=  ")


def _as_mapping() -> dict[str, object]:
    return {
        "workloads": {
            a.name: {
                "summary": a.summary,
                "sizes": list(a.sizes),
                "options": dict(_described(a.options)),
            }
            for a in ARCHITECTURES.values()
        },
        "datasets": {
            d.name: {
                "summary": d.summary,
                "needs_files": d.needs_files,
                "options": dict(_described(d.options)),
            }
            for d in DATASETS.values()
        },
        "methods": method_summaries(),
    }


def _described(options: Mapping[str, Option]) -> Iterator[tuple[str, object]]:
    for name, option in options.items():
        yield (
            name,
            {
                "summary": option.summary,
                "allowed": option.allowed,
                "default": option.default,
            },
        )
