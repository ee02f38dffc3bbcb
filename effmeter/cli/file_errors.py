"""One line for each file that cannot be reported, so that the others are."""

import contextlib
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from effmeter.cli.output import say
from effmeter.errors import EffmeterError, RunFileError
from effmeter.escaping import printable

Item = TypeVar("Item")
Result = TypeVar("Result")


class FileErrors:
    """The lines of files that could not be read, analysed or written.

    ``has_traceback``: also print the traceback of a bug on stderr; ``done``: what a file could not
    be, as a participle.
    """

    def __init__(self, *, has_traceback: bool = False, done: str = "reported") -> None:
        self.lines: list[str] = []
        self._done = done
        self._has_traceback = has_traceback

    @contextlib.contextmanager
    def of(self, file: str) -> Iterator[None]:
        """Turn any error about a file into its line."""
        try:
            yield
        except EffmeterError as error:
            self.lines.append(str(error))
        except MemoryError:
            self.lines.append(printable(f"{file} needs more memory than there is"))
        except Exception as error:
            self.lines.append(self._bug_line(file, error))
            if self._has_traceback:
                for line in "".join(traceback.format_exception(error)).splitlines():
                    say(line, None)

    def without_faulty(
        self,
        items: Sequence[Item],
        result_of: Callable[[Sequence[Item]], Result],
        file_of: Callable[[Item], str],
    ) -> Result:
        """What becomes of all items together, less those that fail alone.

        Raises the error of all together where it is a mistake of the user, or of no single one.
        """
        try:
            return result_of(items)
        except Exception as error:
            if isinstance(error, EffmeterError) and not isinstance(error, RunFileError):
                raise
            sound = [item for item in items if self._stands_alone(item, result_of, file_of)]
            if len(sound) == len(items):
                raise
        return result_of(sound)

    def _stands_alone(
        self,
        item: Item,
        result_of: Callable[[Sequence[Item]], Result],
        file_of: Callable[[Item], str],
    ) -> bool:
        count = len(self.lines)
        with self.of(file_of(item)):
            result_of([item])
        return len(self.lines) == count

    def _bug_line(self, file: str, error: Exception) -> str:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        return printable(
            f"{file} cannot be {self._done}, by a bug of effmeter ({reason}): see it with "
            "--traceback, and report it as an issue of effmeter's repository"
        )
