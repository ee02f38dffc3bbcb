"""Records trainings for a command: progress and a table of outcomes on stderr."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from effmeter.cli.output import say
from effmeter.errors import EffmeterError
from effmeter.lab.cli.sweep_outcomes import print_outcomes
from effmeter.lab.cli.sweep_progress import progress_of, seen_from_here
from effmeter.lab.sweep import Cell, Outcome, TrainingDevice, record_cells


@dataclass(frozen=True, slots=True)
class CommandLineTrainer:
    """Records into one directory; ``fresh`` repeats what it holds complete."""

    directory: Path
    fresh: bool = False
    wait: bool = False

    def record(self, cells: Sequence[Cell], device: TrainingDevice) -> list[Outcome]:
        """The outcomes of all cells in their order."""
        outcomes: dict[Cell, Outcome] = {}
        try:
            with progress_of(cells) as progress:
                runs = record_cells(
                    cells,
                    device,
                    self.directory,
                    progress.epoch_done,
                    fresh=self.fresh,
                    on_wait=progress.waiting if self.wait else None,
                )
                with closing(runs):
                    for outcome in runs:
                        progress.run_done(outcome)
                        outcomes[outcome.cell] = outcome
        except KeyboardInterrupt:
            done = f"{len(outcomes)} of {len(cells)} runs are done"
            say(f"{done}; the same command continues from there")
            raise
        ordered = [outcomes[cell] for cell in cells]
        print_outcomes(ordered)
        _report_crashes(ordered)
        return ordered

    def report(self, line: str) -> None:
        """Show one line of progress."""
        say(line, None)


def refuse_incomplete(outcomes: Sequence[Outcome]) -> None:
    """EffmeterError, which ends the command with status 1, if a run did not complete."""
    incomplete = sum(not outcome.is_complete for outcome in outcomes)
    if incomplete:
        raise EffmeterError(f"{incomplete} of {len(outcomes)} runs did not complete")


def _report_crashes(outcomes: Sequence[Outcome]) -> None:
    """A line for each run that a bug ended, with the place of its traceback."""
    for outcome in outcomes:
        if outcome.traceback is not None and outcome.path is not None:
            file = seen_from_here(outcome.path)
            say(f"{outcome.cell.name} {outcome.status}; traceback: effmeter report {file}", None)
