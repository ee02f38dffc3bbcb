"""The laboratory's commands, called in this process."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter

TINY = ("lenet", "--option", "shifts=0", "--device", "cpu")
ONE_EPOCH = (*TINY, "--epochs", "1")


@dataclass(frozen=True)
class CommandLine:
    """Calls commands in a folder, as the program ``effmeter`` does."""

    folder: Path
    patch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, width: int | None = None) -> Result:
        """Exit code, stdout and stderr of ``effmeter ARGUMENTS`` on a terminal of that width."""
        self.patch.chdir(self.folder)
        return CliRunner().invoke(effmeter, arguments, terminal_width=width)


@dataclass(frozen=True)
class RecordedSweep:
    """A sweep of two runs, and what it printed."""

    folder: Path
    result: Result


def assert_one_line(result: Result, status: int, *words: str) -> None:
    """It failed with this status, printed nothing on stdout and one line with these words."""
    assert result.exit_code == status, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "Traceback" not in line
    for word in words:
        assert word in line
