"""A short look tells counters that stand still from those that move, and no longer than it must."""

import os
from collections.abc import Callable
from pathlib import Path

from effmeter.channel import Channel, Component, Provenance
from effmeter.cli.look import LONGEST_S, Looked, look_at, standstill_remedy
from effmeter.cover import choose_cover
from effmeter.energy.standstill import NEVER_COUNTED, STANDS_STILL
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.rapl.perf import PerfProbe
from effmeter.probes.rapl.perf_events import power_pmu
from tests.runfile.writing import counter, gauge
from tests.simulated.clock import ManualClock
from tests.simulated.power_pmu import RAPL_EVENTS, build_power_pmu

PACKAGE = counter("cpu0", least_power_w=0.1)
GPU = counter("gpu0", Component.GPU, refresh_s=0.1, unit_j=1e-3, least_power_w=1.0)
MEMORY = counter("dram0", Component.RAM)


class Sensors:
    """A probe whose channels show what functions of the time (s) say."""

    name = "sensors"
    period_s = 0.001

    def __init__(self, clock: ManualClock, **shown: Callable[[float], int | float | Failure]):
        self.channels: tuple[Channel, ...] = ()
        self._clock = clock
        self._shown = shown

    def read(self) -> list[Reading]:
        now_ns = self._clock.now_ns()
        shown = [self._shown[channel.name] for channel in self.channels]
        values = [show(now_ns * 1e-9) for show in shown]
        return [
            Reading(channel.name, now_ns, now_ns, value)
            for channel, value in zip(self.channels, values, strict=True)
        ]

    def close(self) -> None:
        """Nothing is held open."""


def looked(
    shown: dict[Channel, Callable[[float], int | float | Failure]],
) -> tuple[Looked, float, int]:
    """What a look shows, how long it takes (s), and how often it says that it waits."""
    clock = ManualClock()
    sensors = Sensors(clock, **{channel.name: show for channel, show in shown.items()})
    sensors.channels = tuple(shown)
    waits: list[None] = []
    found = look_at(Discovery((sensors,)), clock, clock.advance, lambda: waits.append(None))
    return found, clock.now_ns() * 1e-9, len(waits)


def test_machine_whose_counters_move_is_looked_at_for_a_moment() -> None:
    found, took_s, waits = looked(
        {
            PACKAGE: lambda time_s: 7 + int(time_s * 50e6),
            GPU: lambda time_s: int(time_s * 10) * 20_000,
            gauge("gpu0-power"): lambda _: 200.0,
        }
    )
    assert (dict(found.failures), dict(found.standing)) == ({}, {})
    assert took_s < 0.2
    assert waits == 0


def test_counters_that_stand_still_are_named_after_ten_refreshes() -> None:
    found, took_s, waits = looked({PACKAGE: lambda _: 123, GPU: lambda _: 5})
    assert dict(found.standing) == {"cpu0": STANDS_STILL, "gpu0": STANDS_STILL}
    assert 1.0 <= took_s < 1.1
    assert waits == 1


def test_memory_at_rest_is_not_named_and_memory_that_never_counted_is() -> None:
    assert dict(looked({MEMORY: lambda _: 123})[0].standing) == {}
    assert dict(looked({MEMORY: lambda _: 0})[0].standing) == {"dram0": NEVER_COUNTED}


def test_sensor_that_cannot_be_read_is_not_waited_for() -> None:
    found, took_s, _ = looked({PACKAGE: lambda _: Failure("only root may read it")})
    assert dict(found.failures) == {"cpu0": "only root may read it"}
    assert took_s < 0.1


def test_counter_that_decides_late_ends_the_look_at_its_limit() -> None:
    slow = counter("node", refresh_s=10.0, least_power_w=1.0)
    found, took_s, _ = looked({slow: lambda _: 1})
    assert dict(found.standing) == {}
    assert LONGEST_S <= took_s < LONGEST_S + 0.1


def test_remedy_names_the_estimate_that_counts_instead() -> None:
    estimate = counter("cpu-estimate", provenance=Provenance.ESTIMATED)
    cover = choose_cover([PACKAGE, estimate], ["cpu-estimate"])
    assert "EFFMETER_CPU_TDP_W" in standstill_remedy(PACKAGE, cover)
    assert "EFFMETER" not in standstill_remedy(PACKAGE, choose_cover([PACKAGE], []))
    assert "driver" in standstill_remedy(GPU, cover)


def test_perf_events_that_never_move_are_not_measured(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, RAPL_EVENTS | {"energy-psys": 5})
    pmu = power_pmu(tmp_path)
    assert pmu is not None
    clock = ManualClock()
    probe = PerfProbe(pmu, clock, (), lambda *_: os.open("/dev/zero", os.O_RDONLY))
    estimate = counter("cpu-estimate", provenance=Provenance.ESTIMATED)
    found = look_at(Discovery((probe,)), clock, clock.advance)
    probe.close()
    whole = {"cpu0-perf": STANDS_STILL, "psys-perf": STANDS_STILL, "dram0-perf": NEVER_COUNTED}
    assert dict(found.standing) == whole
    channels = [*probe.channels, estimate]
    known = {channel.name for channel in channels} - found.standing.keys()
    assert choose_cover(channels, known).names == ("cpu-estimate",)
