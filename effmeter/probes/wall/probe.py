"""A meter of the whole machine that a program reads, such as a smart plug or the BMC.

========= ========= ===== ==== ======== ============================================ ==========
name      component kind  unit refresh  scope                                        provenance
========= ========= ===== ==== ======== ============================================ ==========
wall      wall      gauge W    1 s (1)  what the configured command shows; stands    measured
                                        apart
wall-ipmi wall      gauge W    2 s      the machine with its power supplies, by the  measured
                                        BMC (IPMI DCMI); stands apart
========= ========= ===== ==== ======== ============================================ ==========

(1) Or ``interval_s`` of the settings. Each reading is a program of its own, so it says between
which moments it was taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from effmeter.channel import Channel
from effmeter.clock import Clock, SystemClock
from effmeter.errors import ProbeError
from effmeter.probes.base import Boundary, Failure, Reading
from effmeter.probes.meter_files import checked_power_w
from effmeter.probes.program_output import Output, run_program


@dataclass(frozen=True, slots=True)
class PowerProgram:
    """A program that prints a power (W), and how its output is understood."""

    command: Sequence[str]
    parse: Callable[[Output], float]
    """The power; ValueError where the output shows none."""
    timeout_s: float

    def run(self) -> float:
        """The power that it prints (W), above zero; ProbeError, ValueError."""
        power_w = checked_power_w(self.parse(run_program(self.command, self.timeout_s)))
        if power_w == 0:
            raise ValueError("it shows 0 W, which no running machine draws")
        return power_w


class WallProbe:
    """Reads one meter by running its program.

    A mark is not worth a program: the meter shows nothing newer than in its last period.
    """

    settles_s = 0.0

    def __init__(
        self, program: PowerProgram, channel: Channel, period_s: float, clock: Clock | None = None
    ) -> None:
        self.name = channel.name
        self.period_s = period_s
        self.channels: tuple[Channel, ...] = (channel,)
        self._program = program
        self._now_ns = (clock or SystemClock()).now_ns

    def read(self) -> list[Reading]:
        """One reading."""
        begun_ns = self._now_ns()
        value: float | Failure
        try:
            value = self._program.run()
        except (ProbeError, ValueError) as error:
            value = Failure(f"{self.channels[0].source}: {error}")
        return [Reading(self.name, begun_ns, self._now_ns(), value)]

    def read_at(self, boundary: Boundary) -> list[Reading]:
        """A reading at the ends of a recording, and none at marks."""
        return [] if boundary is Boundary.MARK else self.read()

    def close(self) -> None:
        """Nothing is held open between two readings."""
