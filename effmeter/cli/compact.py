"""``effmeter compact``: the same recordings in large batches."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from effmeter.cli.file_errors import FileErrors
from effmeter.cli.options import json_option
from effmeter.cli.output import emit, end_progress, say, show, show_progress
from effmeter.errors import RunFileError, UsageError
from effmeter.recorded.reading import find_runs
from effmeter.report.formatting import json_text
from effmeter.runfile.compaction import Compaction, compact
from effmeter.runfile.format import RUN_SUFFIX, successor_path
from effmeter.runfile.reader import read_metadata
from effmeter.units import format_bytes


@click.command("compact")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="NEW",
    help=f"The new file (NEW{RUN_SUFFIX}), or a folder for files of the same names.",
)
@click.option("--traceback", "has_traceback", is_flag=True, help="Print the traceback of a bug.")
@json_option
def command(files: tuple[Path, ...], output: Path, has_traceback: bool, as_json: bool) -> None:
    """Write recordings again in large batches: smaller, and faster to read.

    FILES are run files or directories of them. They stay as they are. The new files hold the same
    rows and are reported in the same way; where a file was cut off or is damaged, its new file
    holds what is whole and says what is missing. The file of a recorder's successor
    (NAME.2.arrow) is written beside as NEW.2.arrow.

    A file that is being recorded is refused. Files that cannot be compacted are named on stderr,
    and the exit status is 1.
    """
    runs = find_runs(files)
    is_file = output.suffix == RUN_SUFFIX
    if is_file and len(runs) > 1:
        count = len(runs)
        raise UsageError(f"{output} is one file, and there are {count} recordings: name a folder")
    written: list[Compaction] = []
    errors = FileErrors(has_traceback=has_traceback, done="compacted")
    for path in runs:
        with errors.of(str(path)):
            written += _compact_run(path, output if is_file else output / path.name)
    for line in errors.lines:
        say(line)
    if as_json:
        emit(json_text({"files": [_as_mapping(one) for one in written], "errors": errors.lines}))
    else:
        for line in _lines(written):
            show(line)
    if errors.lines:
        sys.exit(RunFileError.exit_status)


def _compact_run(path: Path, new_path: Path) -> list[Compaction]:
    """Compact the files of one recording: all of them, or none.

    Raises RunFileError where one cannot be compacted.
    """
    written: list[Compaction] = []
    try:
        for old, new in _files_of(path, new_path):
            written.append(compact(old, new, _progress(old)))
    except BaseException:
        for one in written:
            one.new_path.unlink(missing_ok=True)
        raise
    finally:
        end_progress()
    return written


def _files_of(path: Path, new_path: Path) -> list[tuple[Path, Path]]:
    """The files that a recording consists of, and those that they become."""
    first, second = (path, new_path), (successor_path(path), successor_path(new_path))
    beside = second[0]
    try:
        described = read_metadata(path)
    except RunFileError:
        # Its recorder may have died before it had written anything.
        if beside.is_file() and read_metadata(beside).part == 2:
            return [second]
        raise
    if described.part != 1 or not beside.exists():
        return [first]
    following = read_metadata(beside)
    goes_on = (following.run_id, following.part) == (described.run_id, 2)
    return [first, second] if goes_on else [first]


def _lines(written: Sequence[Compaction]) -> Iterator[str]:
    for one in written:
        sizes = f"{format_bytes(one.bytes_before)} -> {format_bytes(one.bytes_after)}"
        yield f"{one.new_path}: {sizes}, {one.rows} rows in {one.batches} batches"
        if not one.was_finished:
            yield f"  {one.path} was cut off: what is whole is there"
        for damage in one.damages:
            yield f"  {damage}"


def _as_mapping(one: Compaction) -> Mapping[str, Any]:
    return {
        "file": str(one.path),
        "new_file": str(one.new_path),
        "rows": one.rows,
        "batches": one.batches,
        "bytes_before": one.bytes_before,
        "bytes_after": one.bytes_after,
        "was_finished": one.was_finished,
        "damages": [str(damage) for damage in one.damages],
    }


def _progress(path: Path) -> Callable[[float], None] | None:
    """A line on a terminal that shows which part of a file has been read."""
    if not sys.stderr.isatty():
        return None
    shown = -1

    def show_part(fraction: float) -> None:
        nonlocal shown
        percent = int(100 * fraction)
        if percent != shown:
            shown = percent
            show_progress(f"{path.name}: {percent} %")

    return show_part
