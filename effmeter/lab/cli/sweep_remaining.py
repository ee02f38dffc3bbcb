"""What a grid that goes on has still to come: runs, time and energy."""

from collections.abc import Iterator, Sequence

from effmeter.lab.sweep import Cell, EpochDone, Outcome
from effmeter.lab.sweep.forecast import Cost, Forecast, Kind
from effmeter.units import format_duration, format_energy


class Remaining:
    """Follows a grid; in words it tells what is to come at most, since a run may end early."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._left = dict.fromkeys(cells)
        self._current: EpochDone | None = None
        self._forecast = Forecast()

    @property
    def runs(self) -> int:
        """How many have not ended."""
        return len(self._left)

    def epoch_done(self, epoch: EpochDone) -> None:
        """One more epoch of a run."""
        self._current = epoch

    def run_done(self, outcome: Outcome) -> None:
        """A run has ended, now or in an earlier call."""
        self._left.pop(outcome.cell, None)
        if self._current is not None and self._current.cell == outcome.cell:
            self._current = None
        total = None if outcome.energy is None else outcome.energy.total
        energy_j = None if total is None else total.value_j
        self._forecast.learn(outcome.cell.kind, outcome.epochs, Cost(outcome.duration_s, energy_j))

    def __str__(self) -> str:
        """Such as ``3 runs, at most 4 min 05 s and 1.20 kJ``."""
        runs = f"{self.runs} run{'' if self.runs == 1 else 's'}"
        cost = self._forecast_with_current().to_go(self._epochs_left())
        if cost is None:
            return runs
        energy = "" if cost.energy_j is None else f" and {format_energy(cost.energy_j)}"
        return f"{runs}, at most {format_duration(cost.duration_s)}{energy}"

    def _epochs_left(self) -> Iterator[tuple[Kind, int]]:
        current = self._current
        for cell in self._left:
            done = current.number if current is not None and current.cell == cell else 0
            yield cell.kind, max(0, cell.ending.epochs - done)

    def _forecast_with_current(self) -> Forecast:
        if self._current is None:
            return self._forecast
        energy = self._current.energy
        cost = Cost(self._current.duration_s, None if energy is None else energy.total.value_j)
        return self._forecast.knowing(self._current.cell.kind, self._current.number, cost)
