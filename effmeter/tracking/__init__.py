"""Tracking: a training loop marks its epochs and asks for its energy."""

from effmeter.tracking.run import Epoch, Run
from effmeter.tracking.tracker import Tracker, track

__all__ = ["Epoch", "Run", "Tracker", "track"]
