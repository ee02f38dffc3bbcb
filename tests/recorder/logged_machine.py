"""A machine of two sensors as pure arithmetic, and its log, by a clock moved by hand."""

import math
import os
from datetime import UTC, datetime
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.base import Discovery
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan, MachineLog
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.sampling.ingest import ChannelStart, Sample
from tests.simulated.clock import ManualClock

DAY_S = 86_400
FLUSH_STEPS = 100
"""A file has fewer batches than a writer's queue takes: time passes faster than it writes."""
BEGAN_WALL_NS = int(datetime(2026, 3, 1, 22, 30, tzinfo=UTC).timestamp()) * 10**9
CPU = Channel(
    "cpu0",
    Component.CPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "a test",
    0.001,
    unit_j=1e-6,
    resolution=1e-6,
    max_power_w=500.0,
)
GPU = Channel(
    "gpu0", Component.GPU, Kind.GAUGE, Provenance.MEASURED, "a test", 0.1, max_power_w=700.0
)


def used_j(time_s: float) -> float:
    """By the counter: 100 W, and 50 W more or less by the hour."""
    turn = 2 * math.pi / 3600
    return 100 * time_s + 50 * (1 - math.cos(turn * time_s)) / turn


class LoggedMachine:
    """Two sensors as pure arithmetic, and the log of them; readings are fed, not sampled."""

    def __init__(self, folder: Path, period_s: float, rotate_s: float = DAY_S) -> None:
        self.clock = ManualClock(10**12, BEGAN_WALL_NS)
        self.began_ns = self.clock.now_ns()
        self.period_s = period_s
        self.lines: list[str] = []
        discovery = Discovery((), ())
        self.recordings = Recordings(discovery, self.clock, lambda: None, lambda _: True)
        self.ended: list[tuple[str, str | None]] = []
        self._started = {"cpu0": ChannelStart(CPU, 7.0), "gpu0": ChannelStart(GPU, None)}
        self._plan = LogPlan(folder, rotate_s, 1 / period_s)
        self.log = MachineLog(
            self._plan,
            LogFolder(folder),
            self.recordings,
            lambda: discovery,
            ServicePolicy("shared", os.getuid()),
            self.clock,
            self.end,
            lambda token, why: self.ended.append((token, why)),
            self.lines.append,
        )

    def end(self, token: str, status: str) -> None:
        """As the registry does, with the last readings in."""
        recording = self.recordings.active[token]
        self.recordings.end(token, status)
        self.recordings.finish_ending()
        recording.writer.join(20)
        self.recordings.forget(token)

    def run(self, seconds: float) -> None:
        """Let time pass, a reading of each sensor every period."""
        until_ns = self.clock.now_ns() + round(seconds * 1e9)
        steps = 0
        while self.clock.now_ns() < until_ns:
            self.log.keep()
            self.feed()
            steps += 1
            if steps % FLUSH_STEPS == 0:
                self.recordings.flush(self.clock.now_ns())
            self.clock.advance(self.period_s)

    def feed(self) -> None:
        now_ns = self.clock.now_ns()
        time_s = (now_ns - self.began_ns) * 1e-9
        items = [
            Sample("cpu0", now_ns, used_j(time_s), None, None),
            Sample("gpu0", now_ns, None, 200.0, None),
        ]
        for recording in self.recordings.active.values():
            recording.add_items(items, self._started)

    def stop(self) -> None:
        self.feed()
        self.log.stop()
