"""The words and limits of marks, for code that sends them through a session."""

from effmeter.runfile.format import PEAK, Event, Label, NoteName, user_note
from effmeter.wire.protocol import MAX_LABELS, MAX_TEXT

__all__ = ["MAX_LABELS", "MAX_TEXT", "PEAK", "Event", "Label", "NoteName", "user_note"]
