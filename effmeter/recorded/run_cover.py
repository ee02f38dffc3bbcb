"""The cover of a window of a run."""

from collections.abc import Collection, Iterable

from effmeter.cover import Cover, hidden_channels
from effmeter.cover_in_time import cover_over_time
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Source
from effmeter.recorded.visibility import with_hidden_channels


def cover_between(
    recording: Recording,
    programs: Iterable[Source],
    known: Collection[str],
    begin_ns: int,
    end_ns: int,
) -> Cover:
    """The cover of a window, which changes where a channel of it shows nothing.

    ``programs``: those whose devices count. ``known``: the channels that have an energy in the
    window.
    """
    programs = tuple(programs)
    described = recording.channels.values()
    unseen = hidden_channels([with_hidden_channels(s.program, described) for s in programs])
    refusals, window_ns = recording.refusals(programs), (begin_ns, end_ns)
    return cover_over_time(described, known, refusals, unseen, recording.blind, window_ns)
