"""The cover of a window of a run."""

from collections.abc import Collection

from effmeter.cover import Cover, hidden_channels
from effmeter.cover_in_time import cover_over_time
from effmeter.recorded.recording import Recording
from effmeter.recorded.visibility import with_hidden_channels


def cover_between(run: Recording, known: Collection[str], begin_ns: int, end_ns: int) -> Cover:
    """The cover of a window, which changes where a channel of it shows nothing.

    ``known``: the channels that have an energy in the window.
    """
    described = run.channels.values()
    programs = [with_hidden_channels(source.program, described) for source in run.sources]
    unseen = hidden_channels(programs)
    refusals, window_ns = run.refusals, (begin_ns, end_ns)
    return cover_over_time(described, known, refusals, unseen, run.blind, window_ns)
