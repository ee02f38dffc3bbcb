"""The workloads, data sets and methods that ``effmeter sweep --list`` shows."""

import json
from collections.abc import Iterator, Mapping

import click

from effmeter.lab.workloads import ARCHITECTURES, DATASETS
from effmeter.lab.workloads.options import Option
from effmeter.methods.registry import method_summaries

_NAME_WIDTH = 21


def print_workloads(as_json: bool) -> None:
    """What can be trained on what, with the options of each."""
    if as_json:
        click.echo(json.dumps(_as_mapping(), indent=2))
        return
    click.echo("Workloads")
    for architecture in ARCHITECTURES.values():
        click.echo(f"  {architecture.name:<{_NAME_WIDTH}} {architecture.summary}")
        _echo_options(architecture.options)
    click.echo("Data sets")
    for dataset in DATASETS.values():
        files = "; needs --data-dir or --download" if dataset.needs_files else ""
        click.echo(f"  {dataset.name:<{_NAME_WIDTH}} {dataset.summary}{files}")
        _echo_options(dataset.options)
    click.echo("Methods, as --method NAME or --method NAME:parameter=value,...")
    for name, summary in method_summaries().items():
        click.echo(f"  {name:<{_NAME_WIDTH}} {summary}")


def _echo_options(options: Mapping[str, Option]) -> None:
    for name, option in options.items():
        takes = f"{option.allowed}, by default {option.default}"
        click.echo(f"    --option {name}=  {option.summary} ({takes})")


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
