"""Options that ``effmeter sweep`` and ``effmeter reproduce`` share, and types of values."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from effmeter.cli.options import naming_option
from effmeter.lab.spec import name_and_value, whole_numbers
from effmeter.lab.sweep import find_device
from effmeter.lab.workloads import dataset_named
from effmeter.methods.registry import check_method_names, parse_method
from effmeter.stopping import parse_criteria

Decorator = Callable[[Any], Any]
"""Adds an option to a command."""


def numbers_of(context: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    """The callback of an option that takes ``whole_numbers``."""
    with naming_option(context, parameter):
        return whole_numbers(text)


def pairs_of(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """The callback of a repeatable option that takes ``name_and_value``."""
    with naming_option(context, parameter):
        return tuple(map(name_and_value, texts))


def checked_criteria(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """The callback of a repeatable option that takes the texts of criteria."""
    with naming_option(context, parameter):
        parse_criteria(texts)
    return texts


def checked_datasets(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """The callback of a repeatable option that takes names of data sets."""
    with naming_option(context, parameter):
        for name in names:
            dataset_named(name)
    return names


def checked_methods(
    context: click.Context, parameter: click.Parameter, given: str | tuple[str, ...]
) -> str | tuple[str, ...]:
    """The callback of an option that takes methods: one text, or a tuple of them.

    Parameters are checked by making the method, which loads torch; without torch the command
    itself says so.
    """
    with naming_option(context, parameter):
        for text in (given,) if isinstance(given, str) else given:
            check_method_names(text)
            if ":" in text:
                with contextlib.suppress(ModuleNotFoundError):
                    parse_method(text)
    return given


def checked_device(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """The callback of an option that takes a device; a name of an accelerator loads torch."""
    if name not in ("auto", "cpu") and not context.resilient_parsing:
        with naming_option(context, parameter):
            find_device(name)
    return name


def output_option(content: str, default: str, *, as_default: bool = True) -> Decorator:
    """``-o/--output``: the folder of the runs; None stands for a default that only help shows."""
    return click.option(
        "-o",
        "--output",
        "directory",
        default=Path(default) if as_default else None,
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Folder for {content}; completed runs in it are not repeated.  [default: {default}]",
    )


def stop_option(text: str) -> Decorator:
    """``--stop``, with this help."""
    return click.option(
        "--stop",
        "criteria",
        multiple=True,
        metavar="CRITERION",
        callback=checked_criteria,
        help=text,
    )


def seeds_option(default: str) -> Decorator:
    """``--seeds``."""
    return click.option(
        "--seeds",
        default=default,
        show_default=True,
        metavar="NUMBERS",
        callback=numbers_of,
        help="Seeds, one run each: 0,1 or 0-4.",
    )


data_dir_option = click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the files of the data sets.",
)
download_option = click.option(
    "--download", is_flag=True, help="Download data sets from Hugging Face."
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    callback=checked_device,
    help="Where to train: auto (an accelerator if there is one), cpu, cuda or mps.",
)
fresh_option = click.option(
    "--fresh", is_flag=True, help="Repeat completed runs; their files move to set-aside/."
)
wait_option = click.option(
    "--wait", is_flag=True, help="Wait while another measured training uses the device."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
