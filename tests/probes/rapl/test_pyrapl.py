import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from effmeter.cover import choose_cover
from effmeter.energy.counter import Counter, CounterLimits
from effmeter.probes.base import Failure
from effmeter.probes.rapl.powercap import PowercapProbe
from effmeter.probes.rapl.pyrapl import PyraplProbe, find
from tests.simulated.clock import ManualClock
from tests.simulated.powercap import SimulatedPowercap, dram, package
from tests.simulated.waveforms import constant

SOURCE = """
class Sensor:
    def __init__(self):
        {begin}
    def energy(self):
        return [50_000_000.0, -1, 70_000_000.0, 4_000_000.0]
"""


class Tree:
    """Two packages and the memory of the second, and pyRAPL's sensor over them."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        zones = [
            package(0, constant(50.0), range_uj=9_999_999, limit_uw=100_000_000),
            package(1, constant(70.0), range_uj=9_999_999, limit_uw=100_000_000),
            dram(1, constant(4.0), range_uj=9_999_999, limit_uw=10_000_000),
        ]
        self.tree = SimulatedPowercap(folder, zones)
        self.powercap = PowercapProbe(folder, self.clock)
        self.error: Exception | None = None

    def energy(self) -> Sequence[float]:
        if self.error is not None:
            raise self.error
        counts = {z.channel: float(self.tree.path(z.channel).read_text()) for z in self.tree.zones}
        return [counts.get(name, -1) for name in ("cpu0", "dram0", "cpu1", "dram1")]


def test_each_channel_is_contained_in_the_one_that_it_checks(tmp_path: Path) -> None:
    machine = Tree(tmp_path)
    probe = PyraplProbe(machine, machine.powercap.channels, machine.clock)
    assert {channel.name: channel.contained_in for channel in probe.channels} == {
        "cpu0-pyrapl": "cpu0",
        "cpu1-pyrapl": "cpu1",
        "dram1-pyrapl": "dram1",
    }
    channels = (*machine.powercap.channels, *probe.channels)
    cover = choose_cover(channels, [channel.name for channel in channels])
    assert cover.names == ("cpu0", "cpu1", "dram1")


def test_it_counts_what_powercap_counts_across_wraps(tmp_path: Path) -> None:
    machine = Tree(tmp_path)
    probe = PyraplProbe(machine, machine.powercap.channels, machine.clock)
    counter = Counter(CounterLimits.of(probe.channels[0]))
    energy_j: float | None = None
    for _ in range(20):
        machine.tree.advance_to(machine.clock.time_ns)
        reading = probe.read()[0]
        assert isinstance(reading.value, int)
        energy_j = counter.update(reading.end_ns, reading.value)
        machine.clock.advance(0.05)
    assert energy_j == pytest.approx(19 * 0.05 * 50.0)


def test_what_powercap_does_not_read_is_not_taken_in(tmp_path: Path) -> None:
    machine = Tree(tmp_path)
    assert PyraplProbe(machine, (), machine.clock).channels == ()


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("no number")])
def test_a_read_that_fails_is_a_failure_with_its_reason(tmp_path: Path, error: Exception) -> None:
    machine = Tree(tmp_path)
    probe = PyraplProbe(machine, machine.powercap.channels, machine.clock)
    machine.error = error
    for reading in probe.read():
        assert isinstance(reading.value, Failure)
        assert str(error) in reading.value.reason


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    machine = Tree(tmp_path)
    for environ in ({}, {"EFFMETER_PYRAPL": "0"}, {"EFFMETER_PYRAPL": ""}):
        found = find(environ, machine.clock, machine.powercap.channels)
        assert (found.probes, found.refusals) == ((), ())


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, begin: str) -> None:
    (folder / "pyRAPL.py").write_text(SOURCE.format(begin=begin))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "pyRAPL", None)  # so that it is forgotten after the test
    monkeypatch.delitem(sys.modules, "pyRAPL")


def test_the_installed_package_is_used_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Tree(tmp_path / "sys")
    install(tmp_path, monkeypatch, "import re; re.findall('\\d', '')")
    found = find({"EFFMETER_PYRAPL": "1"}, machine.clock, machine.powercap.channels)
    assert [channel.name for channel in found.channels] == [
        "cpu0-pyrapl",
        "cpu1-pyrapl",
        "dram1-pyrapl",
    ]


def test_a_package_that_gives_nothing_is_named_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Tree(tmp_path / "sys")
    install(tmp_path, monkeypatch, "raise PermissionError(13, 'Permission denied')")
    (refusal,) = find({"EFFMETER_PYRAPL": "1"}, machine.clock, ()).refusals
    assert "Permission denied" in refusal.reason
    assert not refusal.present, "a second look that fails leaves no component without a figure"


@pytest.mark.skipif("__import__('importlib.util').util.find_spec('pyRAPL')")
def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it() -> None:
    (refusal,) = find({"EFFMETER_PYRAPL": "1"}, ManualClock(), ()).refusals
    assert "effmeter[pyrapl]" in refusal.remedy
    assert os.linesep not in refusal.remedy
