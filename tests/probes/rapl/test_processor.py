"""The processor by its tree of sysfs, whatever machine the test runs on."""

from pathlib import Path

import pytest

from effmeter.probes.rapl.processor import (
    Processor,
    packages_of,
    parse_cpus,
    place_of,
    read_processor,
)
from tests.probes.rapl.rapl_bench import AMD, HYGON, INTEL, write_modalias, write_topology


@pytest.mark.parametrize(
    ("vendor", "name", "per_package"),
    [(INTEL, "Intel", False), (AMD, "AMD", True), (HYGON, "Hygon", True), ("000A", "", False)],
)
def test_the_modalias_names_the_vendor(
    tmp_path: Path, vendor: str, name: str, per_package: bool
) -> None:
    write_modalias(tmp_path, vendor)
    found = read_processor(tmp_path, "riscv64")
    assert found == Processor(name, is_x86=True, is_guest=False)
    assert found.counts_per_package is per_package


def test_a_guest_is_known_by_its_processor(tmp_path: Path) -> None:
    write_modalias(tmp_path, INTEL, "009F")
    assert read_processor(tmp_path).is_guest


def test_a_processor_of_another_architecture_is_not_x86(tmp_path: Path) -> None:
    cpus = tmp_path / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True)
    (cpus / "modalias").write_text("cpu:type:aarch64:feature:,0000,0001,009F\n")
    assert read_processor(tmp_path, "x86_64") == Processor("", is_x86=False, is_guest=True)


def test_a_board_with_a_device_tree_is_not_x86(tmp_path: Path) -> None:
    (tmp_path / "firmware" / "devicetree" / "base").mkdir(parents=True)
    assert not read_processor(tmp_path, "x86_64").is_x86


@pytest.mark.parametrize(("machine", "is_x86"), [("x86_64", True), ("aarch64", False)])
def test_a_tree_that_does_not_tell_is_of_this_machine(
    tmp_path: Path, machine: str, is_x86: bool
) -> None:
    assert read_processor(tmp_path, machine) == Processor("", is_x86, is_guest=False)


def test_packages_are_those_of_the_topology(tmp_path: Path) -> None:
    write_topology(tmp_path, [0, 0, 3, 3])
    assert packages_of(tmp_path) == {0, 3}
    assert place_of(tmp_path / "devices/system/cpu", 2) == (3, 0)


def test_a_cpu_that_a_package_has_named_is_not_looked_at(tmp_path: Path) -> None:
    write_topology(tmp_path, [0, 1])
    first = tmp_path / "devices/system/cpu/cpu0/topology"
    (first / "package_cpus_list").write_text("0-1,8\n")
    assert packages_of(tmp_path) == {0}


@pytest.mark.parametrize("number", ["-1", "none", ""])
def test_a_package_without_a_number_is_unknown(tmp_path: Path, number: str) -> None:
    write_topology(tmp_path, [0])
    (tmp_path / "devices/system/cpu/cpu0/topology/physical_package_id").write_text(number)
    assert packages_of(tmp_path) == frozenset()


def test_a_hidden_topology_has_no_packages(tmp_path: Path) -> None:
    assert packages_of(tmp_path) == frozenset()


@pytest.mark.parametrize(
    ("listed", "cpus"), [("", []), ("0", [0]), ("0,18-20", [0, 18, 19, 20]), ("x,2", [2])]
)
def test_lists_of_cpus_are_read(listed: str, cpus: list[int]) -> None:
    assert list(parse_cpus(listed)) == cpus
