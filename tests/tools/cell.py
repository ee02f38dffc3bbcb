"""A cell of the matrix: one tool, one program, and what becomes of it on the simulated machine."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from effmeter.recorded.reading import read_runs
from effmeter.recorded.run import RecordedRun
from tests.simulated.machine import SimulatedMachine
from tests.tools.truth import VARIABLE, Block, blocks_in

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE_S = 150
LATE_S = 1.0
"""The longest that a block may begin after its run, and end before it, on a busy machine."""
SHARED = re.compile("ran at the same time as|shared the machine for")
"""In the warning of a run that overlaps with another that it does not lie inside."""
CHANNELS = ("cpu0", "cpu1", "dram0")


def needs(command: str) -> pytest.MarkDecorator:
    """Skip a cell whose tool is none of Python's and is not installed."""
    missing = shutil.which(command) is None
    return pytest.mark.skipif(missing, reason=f"{command} is not installed")


@dataclass(frozen=True, slots=True)
class Reported:
    """A run as ``effmeter report --json`` shows it, and as it is read back."""

    shown: Mapping[str, Any]
    run: RecordedRun

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return self.run.name

    @property
    def ranks(self) -> list[int | None]:
        """The rank of each of its programs."""
        return sorted((source["rank"] for source in self.shown["sources"]), key=lambda r: r or 0)

    def around(self, reported: "Sequence[Reported]") -> list[str]:
        """The identities of the runs around it, the innermost first."""
        parents = {found.run.run_id: found.shown["parent_run_id"] for found in reported}
        found, run_id = [], parents[self.run.run_id]
        while run_id is not None:
            found.append(run_id)
            run_id = parents[run_id]
        return found


@dataclass(frozen=True, slots=True)
class ReportedList:
    """What ``effmeter report --json`` shows of all runs of a cell."""

    runs: Sequence[Reported]
    total: Mapping[str, Any]
    """The energy of all of them, and which of them overlap."""


class Cell:
    """A simulated machine, the programs that a tool starts on it, and the runs in its folder."""

    def __init__(self, folder: Path, machine: SimulatedMachine) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.machine = machine
        self._blocks = folder / "blocks.jsonl"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its programs."""
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return self.machine.environ | {
            "PATH": path,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONWARNINGS": "default",
            "EFFMETER_RUNS": str(self.runs),
            VARIABLE: str(self._blocks),
        }

    def write(self, program: str, name: str = "train.py") -> str:
        """The path of a file that holds a program."""
        path = self.folder / name
        path.write_text(textwrap.dedent(program))
        return str(path)

    def launch(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the tools' environment to its good end."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ | variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done

    def run(self, program: str, *launcher: str, **variables: str) -> str:
        """Run a program, by itself or under a launcher; what it said on stderr."""
        command = [*(launcher or (sys.executable,)), self.write(program)]
        return self.launch(*command, **variables).stderr

    def report(self) -> ReportedList:
        """The runs that ``effmeter report`` shows."""
        done = self.launch(str(BIN / "effmeter"), "report", "--json", str(self.runs))
        shown = json.loads(done.stdout)
        by_id = {run["run_id"]: run for run in shown["runs"]}
        read = {run.run_id: run for run in read_runs(self.runs)}
        assert by_id.keys() == read.keys()
        runs = [Reported(by_id[run_id], run) for run_id, run in read.items()]
        return ReportedList(runs, shown["total"])

    # What is right

    def expect(
        self,
        *,
        files: int,
        runs: Sequence[str],
        ranks: Sequence[int | None] = (None,),
    ) -> Sequence[Reported]:
        """Check files, runs, the ranks of each, all energies and overlaps; the runs.

        A run inside another is written ``study/trial``. The names are those of the blocks that
        the programs stated: a run of several ranks spans the blocks of all of them.
        """
        listed = self.report()
        assert len(list(self.runs.glob("*.arrow"))) == files, sorted(self.runs.iterdir())
        assert Counter(_places(listed.runs)) == Counter(runs)
        blocks = [self.blocks_of(found) for found in listed.runs]
        assert sum(map(len, blocks)) == len(self.blocks), "a block is in no run, or in two"
        slack_j = sum(self.machine.slack_j(channel) for channel in CHANNELS)
        for found, stated in zip(listed.runs, blocks, strict=True):
            assert found.shown["status"] == "completed"
            window = (found.run.begin_ns, found.run.end_ns)
            self._expect_energy(found.name, found.shown["total"]["energy"], [window], slack_j)
            if stated:
                expect_window(found, stated)
                assert found.ranks == list(ranks), found.name
        windows = [(found.run.begin_ns, found.run.end_ns) for found in listed.runs]
        self._expect_energy("all runs", listed.total["energy"], _union(windows), slack_j)
        overlapping = _overlapping(listed.runs)
        assert set(listed.total["overlapping"]) == overlapping
        for found in listed.runs:
            if found.run.run_id in overlapping:
                warnings = found.shown["warnings"]
                assert any(map(SHARED.search, warnings)), (found.name, warnings)
        return listed.runs

    def _expect_energy(
        self,
        what: str,
        energy: Mapping[str, float],
        windows: Sequence[tuple[int, int]],
        slack_j: float,
    ) -> None:
        """An energy is the machine's during some stretches, once.

        ``slack_j``: what the lateness of the simulated sensors can have moved at two boundaries.
        """
        value_j, low_j, high_j = (energy[name] for name in ("value_j", "low_j", "high_j"))
        truth_j = sum(
            self.machine.true_energy_j(channel, *window)
            for channel in CHANNELS
            for window in windows
        )
        said = f"{what}: {value_j} [{low_j}, {high_j}] of {truth_j}"
        assert high_j - low_j < truth_j, said  # readings of a busy machine come late
        # The interval holds the truth in 95 of 100 cases; twice its width in all that occur.
        assert abs(value_j - truth_j) < high_j - low_j + slack_j * len(windows), said

    def blocks_of(self, found: Reported) -> list[Block]:
        """The blocks that the programs of a run stated of it."""
        run, pids = found.run, {source.pid for source in found.run.sources}
        return [
            block
            for block in self.blocks
            if (block.run, block.pid in pids) == (run.name, True)
            and run.begin_ns <= block.begin_ns <= run.end_ns
        ]

    @property
    def blocks(self) -> list[Block]:
        """What the programs stated."""
        return blocks_in(self._blocks)


def expect_window(found: Reported, blocks: Sequence[Block]) -> None:
    """A run lasts from the first block of its programs to the last."""
    begun_s = (min(block.begin_ns for block in blocks) - found.run.begin_ns) * 1e-9
    ended_s = (found.run.end_ns - max(block.end_ns for block in blocks)) * 1e-9
    assert 0 <= begun_s < LATE_S, (found.name, begun_s)
    assert 0 <= ended_s < LATE_S, (found.name, ended_s)


def _union(windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches that windows cover, each once."""
    union: list[tuple[int, int]] = []
    for begin_ns, end_ns in sorted(windows):
        if union and begin_ns <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end_ns))
        else:
            union.append((begin_ns, end_ns))
    return union


def _overlapping(reported: Sequence[Reported]) -> set[str]:
    """The identities of runs that shared time with another that is neither inside nor around."""
    return {
        run_id
        for one, other in itertools.combinations(reported, 2)
        if one.run.begin_ns < other.run.end_ns
        and other.run.begin_ns < one.run.end_ns
        and not {one.run.run_id, other.run.run_id}
        & {*one.around(reported), *other.around(reported)}
        for run_id in (one.run.run_id, other.run.run_id)
    }


def _places(reported: Sequence[Reported]) -> list[str]:
    """The name of each run, after those of the runs around it."""
    names = {found.run.run_id: found.name for found in reported}
    return [
        "/".join([*(names[run_id] for run_id in reversed(found.around(reported))), found.name])
        for found in reported
    ]
