"""Zones that are hidden are missing, with the reason and a remedy that fits the machine."""

import os
import tempfile
from pathlib import Path

import pytest

from effmeter.channel import Component, Refusal
from effmeter.probes.rapl.masking import nothing_found
from effmeter.probes.rapl.powercap import find
from effmeter.probes.rapl.processor import Processor
from tests.probes.rapl.rapl_bench import (
    AMD,
    INTEL,
    LONG_AGO_UJ,
    RaplBench,
    dies,
    unprivileged,
    write_modalias,
    write_topology,
    zone,
)
from tests.simulated.clock import ManualClock
from tests.simulated.powercap import package, psys
from tests.simulated.waveforms import constant

PC = Processor("Intel", is_x86=True, is_guest=False)


def dangle(sysfs: Path, folder: str) -> None:
    tree = sysfs / "class" / "powercap"
    (tree / folder).symlink_to(f"../../devices/virtual/powercap/intel-rapl/{folder}")


@pytest.mark.parametrize(("read", "hidden", "power_w"), [(0, 1, 70.0), (1, 0, 33.0), (2, 5, 91.0)])
def test_a_package_whose_link_dangles_is_missing(
    tmp_path: Path, read: int, hidden: int, power_w: float
) -> None:
    bench = RaplBench(tmp_path, [package(read, constant(power_w), start_uj=1_000_000)])
    dangle(tmp_path, f"intel-rapl:{hidden}")
    assert bench.total_w() == pytest.approx(power_w, rel=1e-3)
    assert bench.cover.partial == (f"cpu{hidden}",)
    (refusal,) = bench.refusals
    assert refusal.reason.startswith("hidden here: its link leads nowhere")
    assert "EFFMETER_SYSFS" in refusal.remedy
    assert "modprobe" not in refusal.remedy


def test_the_eleventh_package_is_missing_by_its_hexadecimal_number(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(0, constant(50.0))])
    dangle(tmp_path, "intel-rapl:a")
    assert bench.cover.partial == ("cpu10",)


def test_a_package_whose_folder_is_empty_is_missing(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(0, constant(50.0))])
    (tmp_path / "class/powercap/intel-rapl:1").mkdir()
    assert bench.cover.partial == ("cpu1",)
    assert "its folder shows no name" in bench.refusals[0].reason


def test_a_package_whose_folder_is_closed_is_missing(open_folder: Path) -> None:
    bench = RaplBench(open_folder, [package(i, constant(20.0), start_uj=i) for i in range(2)])
    bench.tree.path("cpu0").chmod(0o444)
    (open_folder / "class/powercap/intel-rapl:1").chmod(0)
    try:
        with unprivileged():
            assert bench.names == ["cpu0"]
    finally:
        (open_folder / "class/powercap/intel-rapl:1").chmod(0o755)
    assert bench.cover.partial == ("cpu1",)
    (refusal,) = bench.refusals
    assert "closed to this user" in refusal.reason
    assert "daemon run" in refusal.remedy


def test_a_package_that_the_topology_knows_and_no_zone_shows_is_missing(tmp_path: Path) -> None:
    write_topology(tmp_path, [0, 1, 2])
    bench = RaplBench(tmp_path, [package(1, constant(50.0))])
    assert bench.cover.partial == ("cpu0", "cpu2")
    assert {refusal.reason.partition(":")[0] for refusal in bench.refusals} == {"hidden here"}


def test_nothing_is_missing_where_packages_are_only_numbered_otherwise(tmp_path: Path) -> None:
    write_topology(tmp_path, [0, 3])
    bench = RaplBench(tmp_path, [package(i, constant(50.0), start_uj=i) for i in range(2)])
    assert (bench.cover.partial, bench.refusals) == ((), ())


def test_a_hidden_zone_beside_all_packages_is_the_platform_s(tmp_path: Path) -> None:
    write_topology(tmp_path, [0])
    bench = RaplBench(tmp_path, [package(0, constant(50.0))])
    dangle(tmp_path, "intel-rapl:1")
    assert bench.cover.partial == ()
    assert [refusal.component for refusal in bench.refusals] == [Component.BOARD]


def test_a_hidden_zone_whose_number_is_the_platform_s_leaves_its_package_missing(
    tmp_path: Path,
) -> None:
    write_topology(tmp_path, [0, 1])
    bench = RaplBench(
        tmp_path, [package(0, constant(50.0)), psys(constant(90.0), folder="intel-rapl:1")]
    )
    dangle(tmp_path, "intel-rapl:2")
    assert bench.cover.partial == ("cpu1",)
    assert len(bench.refusals) == 1


def test_a_hidden_die_is_missing_by_its_zone(tmp_path: Path) -> None:
    zones = [zone("intel-rapl:0", "package-0-die-0", 40.0, 10**9)]
    bench = RaplBench(tmp_path, [*zones, zone("intel-rapl:2", "package-1-die-0", 45.0, 2 * 10**9)])
    dangle(tmp_path, "intel-rapl:1")
    assert bench.cover.partial == ("intel-rapl:1",)


def test_a_hidden_die_of_amd_is_not_missing(tmp_path: Path) -> None:
    write_modalias(tmp_path, AMD)
    bench = RaplBench(tmp_path, dies(0, 0, 40.0, LONG_AGO_UJ, 3))
    dangle(tmp_path, "intel-rapl:3")
    assert bench.names == ["cpu0"]
    assert bench.cover.partial == ()


def test_a_hidden_second_way_to_a_package_hides_nothing(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(0, constant(50.0))])
    dangle(tmp_path, "intel-rapl-mmio:0")
    assert bench.names == ["cpu0"]
    assert bench.refusals == ()


def test_every_zone_is_named_where_all_links_dangle(tmp_path: Path) -> None:
    (tmp_path / "class/powercap").mkdir(parents=True)
    for folder in ("intel-rapl", "intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        dangle(tmp_path, folder)
    refusals = find(tmp_path, ManualClock()).refusals
    assert [refusal.leaves_unread for refusal in refusals] == ["cpu0", "cpu1"]
    assert all(refusal.reason.startswith("hidden here") for refusal in refusals)


def only_refusal(sysfs: Path) -> Refusal:
    found = find(sysfs, ManualClock())
    assert found.channels == ()
    (refusal,) = found.refusals
    assert refusal.present
    return refusal


def test_a_tree_that_is_closed_is_hidden(open_folder: Path) -> None:
    tree = open_folder / "class/powercap"
    tree.mkdir(parents=True)
    tree.chmod(0)
    with unprivileged():
        refusal = only_refusal(open_folder)
    assert refusal.reason == "hidden here: the folder is closed to this user"
    assert "daemon run" in refusal.remedy


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system to mount")
def test_an_empty_file_system_over_the_tree_hides_it(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as empty:
        if os.stat(empty).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("no second file system to mount")
        (tmp_path / "class/powercap").symlink_to(empty)
        refusal = only_refusal(tmp_path)
    assert "something empty is mounted over it" in refusal.reason
    assert "EFFMETER_SYSFS" in refusal.remedy


def test_a_tree_that_is_a_dangling_link_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class/powercap").symlink_to("nowhere")
    assert "its link leads nowhere" in only_refusal(tmp_path).reason


def test_a_pc_without_zones_is_shown_the_command_that_loads_the_driver(tmp_path: Path) -> None:
    write_modalias(tmp_path, INTEL)
    refusal = only_refusal(tmp_path)
    assert "no RAPL zones" in refusal.reason
    assert refusal.remedy.startswith("sudo modprobe intel_rapl_msr")


def test_a_guest_without_zones_is_shown_no_command(tmp_path: Path) -> None:
    write_modalias(tmp_path, INTEL, "009F")
    refusal = only_refusal(tmp_path)
    assert "virtual machine" in refusal.reason
    assert refusal.remedy == ""


@pytest.mark.parametrize("in_the_tree", ["firmware/devicetree/base", "class/powercap/dtpm"])
def test_an_arm_board_is_shown_no_command_for_pcs(tmp_path: Path, in_the_tree: str) -> None:
    (tmp_path / in_the_tree).mkdir(parents=True)
    arm = Processor("", is_x86=False, is_guest=False)
    refusal = nothing_found(tmp_path, arm)
    assert refusal.reason == "no RAPL zones: only x86 processors have such counters"
    assert refusal.remedy == ""


def test_a_system_without_sysfs_is_shown_no_command(tmp_path: Path) -> None:
    refusal = nothing_found(tmp_path / "sys", PC)
    assert f"there is no {tmp_path / 'sys'}" in refusal.reason
    assert refusal.remedy == ""
