"""What is copied of sysfs, and what is not."""

import os
from pathlib import Path

import pytest

from effmeter.probes.capture.sysfs_tree import copy_tree, read_changing
from tests.probes.rapl.rapl_bench import unprivileged


def write(path: Path, text: str = "1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    return path


def test_files_lie_where_their_links_lead(tmp_path: Path) -> None:
    write(tmp_path / "devices/pci0000:00/0000:01:00.0/hwmon/hwmon3/power1_input", "42000000")
    (tmp_path / "class/hwmon").mkdir(parents=True)
    target = "../../devices/pci0000:00/0000:01:00.0/hwmon/hwmon3"
    (tmp_path / "class/hwmon/hwmon3").symlink_to(target)
    tree = copy_tree(tmp_path)
    path = "devices/pci0000:00/0000:01:00.0/hwmon/hwmon3/power1_input"
    assert tree.files == {path: "42000000"}
    assert tree.links == {"class/hwmon/hwmon3": target}
    assert list(read_changing(tmp_path, tree.changing)) == [(path, "42000000")]


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "etc/name", "secret")
    (tmp_path / "sys/class/hwmon").mkdir(parents=True)
    (tmp_path / "sys/class/hwmon/hwmon0").symlink_to(secret.parent)
    assert copy_tree(tmp_path / "sys").files == {}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "class/hwmon").mkdir(parents=True)
    (tmp_path / "class/hwmon/hwmon0").symlink_to("hwmon1")
    (tmp_path / "class/hwmon/hwmon1").symlink_to("hwmon0")
    assert copy_tree(tmp_path).files == {}


def test_only_graphics_cards_are_copied_with_more_than_their_kind(tmp_path: Path) -> None:
    devices = tmp_path / "bus/pci/devices"
    for address, kind in (("0000:01:00.0", "0x030000"), ("0000:02:00.0", "0x020000")):
        for name, text in (("vendor", "0x8086"), ("class", kind), ("device", "0x56a0")):
            write(devices / address / name, text)
        write(devices / address / "resource", "0x00000000f7c00000")
    tree = copy_tree(tmp_path)
    assert tree.files == {
        "bus/pci/devices/0000:01:00.0/class": "0x030000",
        "bus/pci/devices/0000:01:00.0/device": "0x56a0",
        "bus/pci/devices/0000:01:00.0/vendor": "0x8086",
        "bus/pci/devices/0000:02:00.0/class": "0x020000",
        "bus/pci/devices/0000:02:00.0/vendor": "0x8086",
    }


def test_a_file_that_may_not_be_read_is_listed_with_the_error(open_folder: Path) -> None:
    path = write(open_folder / "class/powercap/intel-rapl:0/energy_uj")
    write(open_folder / "class/powercap/intel-rapl:0/name", "package-0")
    path.chmod(0)
    with unprivileged():
        tree = copy_tree(open_folder)
    assert tree.closed == {"class/powercap/intel-rapl:0/energy_uj": "EACCES"}
    assert tree.files == {"class/powercap/intel-rapl:0/name": "package-0"}


def test_a_file_that_is_no_text_is_kept_as_it_is(tmp_path: Path) -> None:
    devices = tmp_path / "bus/pci/devices/0000:01:00.0"
    write(devices / "class", "0x030000")
    (devices / "gpu_metrics").write_bytes(b"\xff\xfe\x02\x01")
    assert copy_tree(tmp_path).files["bus/pci/devices/0000:01:00.0/gpu_metrics"] == {
        "base64": "//4CAQ=="
    }


def test_a_card_that_sleeps_is_not_awakened(tmp_path: Path) -> None:
    device = tmp_path / "bus/pci/devices/0000:03:00.0"
    for name, text in (("class", "0x030000"), ("vendor", "0x1002"), ("gpu_metrics", "x")):
        write(device / name, text)
    write(device / "power/runtime_status", "suspended")
    write(tmp_path / "class/hwmon/hwmon0/name", "amdgpu")
    write(tmp_path / "class/hwmon/hwmon0/power1_average", "10000000")
    (tmp_path / "class/hwmon/hwmon0/device").symlink_to("../../../bus/pci/devices/0000:03:00.0")
    files = copy_tree(tmp_path).files
    assert sorted(path.rpartition("/")[2] for path in files) == [
        "class",
        "name",
        "runtime_status",
        "vendor",
    ]


def test_an_empty_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "class/powercap/intel-rapl:1").mkdir(parents=True)
    assert copy_tree(tmp_path).as_mapping() == {"folders": ["class/powercap/intel-rapl:1"]}


def test_a_machine_without_sysfs_has_nothing(tmp_path: Path) -> None:
    assert copy_tree(tmp_path / "sys").as_mapping() == {}


@pytest.mark.skipif(not Path("/sys/devices").is_dir(), reason="no sysfs here")
def test_this_machine_s_own_tree_can_be_copied() -> None:
    tree = copy_tree(Path("/sys"))
    assert all(not os.path.isabs(path) for path in tree.files)
