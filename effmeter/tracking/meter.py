"""The energy of a run while it goes on, asked of the recorder or known from earlier answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from effmeter.client.session import Session
from effmeter.energy import Energy
from effmeter.tracking.live import LiveEnergy, live_energy
from effmeter.tracking.windows import EnergyHistory, Total

EPOCH_REQUEST_NS = 20_000_000
"""The least time between a request for a total and one at the boundary of an epoch."""
SPAN_REQUEST_NS = 200_000_000
"""The same at the boundary of a span: a loop may have a thousand of them in a second."""


class Meter:
    """Asks for totals and keeps the answers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._history = EnergyHistory()
        self._requested_ns = 0
        self._baseline = None if session.is_owner else self._keep(session.ask_total())
        self._last: LiveEnergy | None = None
        self._closed = False

    @property
    def is_alive(self) -> bool:
        """Whether the recorder still answers."""
        return self._session.is_alive

    def ask(self) -> LiveEnergy | None:
        """The energy used since the run began; waits for the recorder's answer.

        None where it is unknown. After ``close``, the last answer.
        """
        if not self._closed:
            self._last = self._live(self._keep(self._session.ask_total()))
        return self._last

    def latest(self) -> LiveEnergy | None:
        """The energy that the recorder sent last, a few times a second; never waits."""
        return self._last if self._closed else self._live(self._session.latest_total())

    def request(self, time_ns: int, spacing_ns: int) -> None:
        """Ask for a total without waiting, unless one was requested a moment ago."""
        if time_ns - self._requested_ns >= spacing_ns:
            self._requested_ns = time_ns
            self._session.request_total()

    def between(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of a stretch that has ended; waits only if no total is as late as its end."""
        self._keep_all(self._session.pop_totals())
        if not self._closed and not self._history.reaches(end_ns):
            self._keep(self._session.ask_total())
        return self._history.between(begin_ns, end_ns)

    def close(self) -> None:
        """Take the last answers while the recorder is still there."""
        self.ask()
        self._keep_all(self._session.pop_totals())
        self._closed = True

    def _live(self, total: Mapping[str, Any] | None) -> LiveEnergy | None:
        if not self._session.is_owner and self._baseline is None:
            return None  # what the recording had used before this run is unknown
        return live_energy(total, self._baseline)

    def _keep_all(self, totals: Iterable[Mapping[str, Any]]) -> None:
        for total in totals:
            self._keep(total)

    def _keep(self, total: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        live = live_energy(total, None)
        if total is not None and live is not None:
            read_ns = total["read_ns"] or total["time_ns"]
            spread_ns = total["time_ns"] - read_ns
            self._history.add(Total(read_ns, live.total, live.cover, spread_ns))
        return total
