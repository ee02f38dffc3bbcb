"""A grid of recorded trainings: architecture x size x data set x seed (x fold).

One run at a time, since two on one device would share its energy, and each in a file of its own.
The files are the truth: what they hold is not trained again.
"""

from effmeter.grid.cell import Cell
from effmeter.grid.device import TrainingDevice, find_device
from effmeter.grid.ending import Ending, Until
from effmeter.grid.outcome import Outcome
from effmeter.grid.plan import Axes, plan
from effmeter.grid.record import EpochDone, record

__all__ = [
    "Axes",
    "Cell",
    "Ending",
    "EpochDone",
    "Outcome",
    "TrainingDevice",
    "Until",
    "find_device",
    "plan",
    "record",
]
