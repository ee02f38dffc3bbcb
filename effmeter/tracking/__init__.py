"""Tracking: a training loop marks its epochs and asks for its energy."""

from effmeter.tracking.marks import Epoch, Span
from effmeter.tracking.run import Run
from effmeter.tracking.tracker import Tracker, track

__all__ = ["Epoch", "Run", "Span", "Tracker", "track"]
