"""A grid of recorded trainings: architecture x size x data set x seed (x fold).

One run at a time, since two on one device would share its energy, and each in a file of its own.
The files are the truth: what they hold is not trained again.
"""

from effmeter.lab.sweep.cell import Cell
from effmeter.lab.sweep.device import TrainingDevice, find_device
from effmeter.lab.sweep.ending import Ending, Until
from effmeter.lab.sweep.grid import Axes, plan_cells
from effmeter.lab.sweep.outcome import Outcome
from effmeter.lab.sweep.recording import EpochDone, record_cells

__all__ = [
    "Axes",
    "Cell",
    "Ending",
    "EpochDone",
    "Outcome",
    "TrainingDevice",
    "Until",
    "find_device",
    "plan_cells",
    "record_cells",
]
