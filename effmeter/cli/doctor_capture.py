"""``effmeter doctor --capture``: a file of what the sensors answer, to be replayed elsewhere."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from effmeter.cli.output import say, show
from effmeter.errors import EffmeterError, UsageError
from effmeter.probes.capture.machine import capture_machine, text_of
from effmeter.units import format_duration

CAPTURE_S = 5.0


def write_capture(path: Path, duration_s: float, environ: Mapping[str, str]) -> None:
    """Capture this machine into a new file, and say what is in it.

    Raises UsageError where the file exists, EffmeterError where it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} exists: give --capture the name of a new file")
    with _appearing_whole(path) as unfinished:
        wait = format_duration(duration_s)
        say(f"capturing for {wait}; give the machine some work")
        capture = capture_machine(
            environ,
            duration_s,
            progress=lambda what: say(f"capturing {what}"),
        )
        unfinished.write_text(text_of(capture), encoding="utf-8")
    show(f"{path}: {_contents(capture)}")
    say(
        "UUIDs, serial numbers, PCI addresses, and the names of host and user are "
        "replaced. Read the file before you send it: CONTRIBUTING.md says where to."
    )


@contextlib.contextmanager
def _appearing_whole(path: Path) -> Iterator[Path]:
    """A file beside the path that takes its name at the end; nothing is left of one that fails."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        unfinished = Path(name)
        try:
            yield unfinished
            unfinished.chmod(0o644)
            _rename_to_new(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise EffmeterError(f"{path} cannot be written: {error.strerror or error}") from error


def _rename_to_new(unfinished: Path, path: Path) -> None:
    """Give the file its name, unless another one has taken it meanwhile."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise UsageError(f"{path} exists: give --capture the name of a new file") from None
    except OSError:  # a file system without hard links
        unfinished.replace(path)


def _contents(capture: Mapping[str, Any]) -> str:
    """What is in a capture, in a line."""
    answers = {name: sum(len(c["answers"]) for c in calls) for name, calls in _calls(capture)}
    channels = len(capture["effmeter"]["channels"])
    parts = [
        _counted(channels, "channel"),
        _counted(len(capture.get("files", ())), "file") + " of sysfs",
        *(f"{_counted(count, 'answer')} of {name}" for name, count in answers.items()),
        _counted(len(capture["programs"]), "output") + " of programs",
    ]
    return ", ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _calls(capture: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    yield from capture["libraries"].items()
