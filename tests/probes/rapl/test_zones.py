"""Zones as the kernel numbers and names them."""

from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.cover import choose_cover
from effmeter.probes.rapl.zones import list_zones, zone_number
from tests.probes.rapl.rapl_bench import RaplBench, zone
from tests.simulated.powercap import SimulatedPowercap, package
from tests.simulated.waveforms import constant


@pytest.mark.parametrize("count", [2, 11, 18, 40])
def test_packages_beyond_the_tenth_are_read(tmp_path: Path, count: int) -> None:
    zones = [package(i, constant(30.0 + i), start_uj=i * 10**9) for i in range(count)]
    bench = RaplBench(tmp_path, zones)
    assert bench.names == [f"cpu{i}" for i in range(count)]
    assert bench.total_w() == pytest.approx(sum(30.0 + i for i in range(count)), rel=1e-4)


def test_zones_are_in_the_order_of_their_hexadecimal_numbers(tmp_path: Path) -> None:
    names = ["9", "a", "a:0", "a:b", "f", "10", "1f"]
    zones = [zone(f"intel-rapl:{name}", f"package-{i}", 1.0) for i, name in enumerate(names)]
    SimulatedPowercap(tmp_path, zones)
    listed = list_zones(tmp_path / "class" / "powercap").named
    assert [z.folder.name.partition(":")[2] for z in listed] == names
    assert zone_number(listed[5].folder) == 16


def test_memory_of_the_eleventh_package_is_its_own(tmp_path: Path) -> None:
    zones = [package(i, constant(10.0), start_uj=i * 10**9) for i in range(11)]
    bench = RaplBench(tmp_path, [*zones, zone("intel-rapl:a:0", "dram", 3.0)])
    (memory,) = (c for c in bench.probe.channels if c.component is Component.RAM)
    assert memory.name == "dram10"


def test_a_total_names_packages_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(i, constant(9.0)) for i in range(12)])
    cover = choose_cover(bench.probe.channels, bench.names)
    assert cover.names == tuple(f"cpu{i}" for i in range(12))


def test_other_control_types_are_passed_over(tmp_path: Path) -> None:
    tree = tmp_path / "class" / "powercap"
    for name in ("intel-rapl", "dtpm:0", "intel-rapl:0:0:0", "intel-rapl:G", "intel-rapl:A"):
        (tree / name).mkdir(parents=True)
        (tree / name / "name").write_text("package-0\n")
    assert list_zones(tree) == ((), ())


def test_a_tree_that_is_not_there_has_no_zones(tmp_path: Path) -> None:
    assert list_zones(tmp_path / "class" / "powercap") == ((), ())
