"""The lines of a text file of unknown origin, numbered and of bounded length."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from effmeter.errors import LogError

MOST_LINE_CHARACTERS = 2**16
_QUOTED_CHARACTERS = 60


def numbered_lines(path: Path, *, is_output: bool = False) -> Iterator[tuple[int, str]]:
    """Each line with its number, from 1; a line is at most 64 Ki characters long.

    ``is_output``: the file is what a program printed, among which may be anything: bytes that are
    no text are replaced, and longer lines are cut. Otherwise they are errors, as is a file that
    cannot be read: LogError.
    """
    number = 0
    errors = "replace" if is_output else "strict"
    try:
        with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
            while line := file.readline(MOST_LINE_CHARACTERS + 1):
                number += 1
                if len(line) > MOST_LINE_CHARACTERS:
                    if not is_output:
                        refuse(path, number, f"it has more than {MOST_LINE_CHARACTERS} characters")
                    _skip_line(file)
                yield number, line
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LogError(
            f"{path}, after line {number}: it is no UTF-8 text: convert it, as with iconv"
        ) from error


def _skip_line(file: TextIO) -> None:
    """Read on to the end of the line."""
    while rest := file.readline(MOST_LINE_CHARACTERS):
        if rest.endswith(("\n", "\r")):
            return


def refuse(path: Path, number: int, reason: str) -> NoReturn:
    """Raise the LogError of one line."""
    raise LogError(f"{path}, line {number}: {reason}")


def quoted(text: str) -> str:
    """A text of a file as an error quotes it, cut where it is long."""
    shown = text if len(text) <= _QUOTED_CHARACTERS else f"{text[:_QUOTED_CHARACTERS]}…"
    return repr(shown)
