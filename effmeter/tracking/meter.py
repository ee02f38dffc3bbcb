"""The energy of a run while it goes on, asked of the recorder or known from earlier answers."""

from collections.abc import Mapping
from typing import Any

from effmeter.client.session import Session
from effmeter.energy import Energy
from effmeter.tracking.live import LiveEnergy, live_energy
from effmeter.tracking.windows import EnergyHistory, Total

EPOCH_REQUEST_NS = 20_000_000
"""The least time between a request for a total and one at the boundary of an epoch."""
SPAN_REQUEST_NS = 200_000_000
"""The same at the boundary of a span: a loop may have a thousand of them in a second."""
_NOTHING = Energy.exactly(0.0)


class Meter:
    """Asks for totals and keeps the answers; ``began_ns`` is when the run's block began."""

    def __init__(self, session: Session, began_ns: int) -> None:
        self._session = session
        self._began_ns = began_ns
        self._history = EnergyHistory()
        self._requested_ns = 0
        self._before: LiveEnergy | None = None
        """What the recording had used when the block began, or shortly before."""
        self._before_ns = began_ns
        """When that was read."""
        self._last: LiveEnergy | None = None
        self._closed = False
        if not session.is_owner:
            total = session.total_before or session.ask_total()
            self._before = self._keep(total)
            if total is not None and self._before is not None:
                self._before_ns = min(total["read_ns"], began_ns)

    @property
    def is_alive(self) -> bool:
        """Whether the recorder still answers."""
        return self._session.is_alive

    def ask(self) -> LiveEnergy | None:
        """The energy used since the run began; waits for the recorder's answer.

        None where it is unknown. After ``close``, the last answer.
        """
        if not self._closed:
            self._last = self._since_begin(self._session.ask_total())
        return self._last

    def latest(self) -> LiveEnergy | None:
        """The energy that the recorder sent last, a few times a second; never waits."""
        if self._closed:
            return self._last
        return self._since_begin(self._session.latest_total())

    def request(self, time_ns: int, spacing_ns: int) -> None:
        """Ask for a total without waiting, unless one was requested a moment ago."""
        if time_ns - self._requested_ns >= spacing_ns:
            self._requested_ns = time_ns
            self._session.request_total()

    def between(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of a stretch that has ended; waits only if no total is as late as its end."""
        self._keep_arrived()
        if not self._closed and not self._history.reaches(end_ns):
            self._keep(self._session.ask_total())
        return self._history.between(begin_ns, end_ns)

    def close(self, ended_ns: int) -> None:
        """Take the last answers while the recorder is still there, up to the block's end."""
        self._keep_arrived()
        total = self._session.ask_total()
        used = self._since_begin(total)
        if used is not None and total is not None and total["read_ns"] > ended_ns:
            # The sensors were read later; the energy between belongs to nobody.
            late_ns, elapsed_ns = total["read_ns"] - ended_ns, total["read_ns"] - self._began_ns
            used = used.since(used.share(min(late_ns / max(1, elapsed_ns), 1.0)))
        self._last = used
        self._closed = True

    def _since_begin(self, total: Mapping[str, Any] | None) -> LiveEnergy | None:
        """What a total holds less what was used before the block; None where that is unknown."""
        live = self._keep(total)
        if total is None or live is None or self._before is None:
            return None
        used = live.since(self._before)
        early_ns, elapsed_ns = self._began_ns - self._before_ns, total["read_ns"] - self._before_ns
        if early_ns > 0:  # a part of it was used between that reading and the block's beginning
            used = used.since(used.share(min(early_ns / max(1, elapsed_ns), 1.0)))
        return used

    def _keep_arrived(self) -> None:
        for total in self._session.pop_totals():
            self._keep(total)

    def _keep(self, total: Mapping[str, Any] | None) -> LiveEnergy | None:
        """Put a total into the history; its figures since the recording began."""
        live = live_energy(total)
        if total is None or live is None:
            return None
        read_ns = total["read_ns"]
        from_ns, latest_from_ns = total["counted_from_ns"]
        self._history.add(Total(from_ns, _NOTHING, live.cover, latest_from_ns - from_ns))
        self._history.add(Total(read_ns, live.total, live.cover, total["time_ns"] - read_ns))
        if self._before is None and self._session.is_owner:
            self._before = self._at_begin(live, from_ns, read_ns)
        return live

    def _at_begin(self, first: LiveEnergy, from_ns: int, read_ns: int) -> LiveEnergy:
        """The part of the first total that the recorder counted before the block began."""
        elapsed_ns = max(1, read_ns - from_ns)
        return first.share(min(max(0.0, (self._began_ns - from_ns) / elapsed_ns), 1.0))
