"""A run clock that a test moves by hand."""

from effmeter.clock import Anchor


class ManualClock:
    """Stands still until it is moved; ``sleep`` lets the machine be suspended meanwhile."""

    def __init__(self, time_ns: int = 0, wall_ns: int = 1_700_000_000_000_000_000) -> None:
        self.time_ns = time_ns
        self._wall_less_run_ns = wall_ns - time_ns
        self._asleep_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds of the run clock."""
        return self.time_ns

    def anchor(self) -> Anchor:
        """The three clocks."""
        wall_ns = self.time_ns + self._wall_less_run_ns
        return Anchor(self.time_ns, wall_ns, self.time_ns - self._asleep_ns)

    def advance(self, seconds: float) -> int:
        """Let time pass; the new time."""
        self.time_ns += round(seconds * 1e9)
        return self.time_ns

    def sleep(self, seconds: float) -> None:
        """Let time pass while the machine is suspended."""
        self._asleep_ns += round(seconds * 1e9)
        self.advance(seconds)

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self._wall_less_run_ns += round(seconds * 1e9)
