"""The Intel GPUs that a process sees."""

from pathlib import Path

from effmeter.probes.base import Failure
from effmeter.probes.intel.listing import list_devices


def add(sysfs: Path, address: str, kind: str = "0x030000", vendor: str = "0x8086") -> Path:
    folder = sysfs / "bus/pci/devices" / address
    folder.mkdir(parents=True)
    for name, text in {"vendor": vendor, "class": kind, "device": "0x56a0"}.items():
        (folder / name).write_text(f"{text}\n")
    return folder


def test_graphics_of_intel_are_listed_by_address(tmp_path: Path) -> None:
    for address, kind in (("0000:04:00.0", "0x038000"), ("0000:03:00.0", "0x030000")):
        add(tmp_path, address, kind)
    add(tmp_path, "0000:05:00.0", "0x020000")
    add(tmp_path, "0000:06:00.0", vendor="0x10de")
    found = list_devices(tmp_path)
    assert not isinstance(found, Failure)
    assert [card.id for card in found] == ["0000:03:00.0", "0000:04:00.0"]
    assert [card.parts for card in found] == [None, None]


def test_a_card_whose_node_a_container_lacks_is_not_seen(tmp_path: Path) -> None:
    nodes = tmp_path / "dev"
    nodes.mkdir()
    for address, node in (("0000:03:00.0", "renderD128"), ("0000:04:00.0", "renderD129")):
        (add(tmp_path, address) / "drm" / node).mkdir(parents=True)
    (nodes / "renderD129").touch()
    found = list_devices(tmp_path, nodes)
    assert not isinstance(found, Failure)
    assert [card.id for card in found] == ["0000:04:00.0"]


def test_tiles_are_listed_by_either_driver(tmp_path: Path) -> None:
    for number in (0, 1):
        (add_once(tmp_path, "0000:03:00.0") / f"tile{number}").mkdir()
        (add_once(tmp_path, "0000:04:00.0") / f"drm/card0/gt/gt{number}").mkdir(parents=True)
    found = list_devices(tmp_path)
    assert not isinstance(found, Failure)
    assert [card.parts for card in found] == [("tile0", "tile1"), ("gt0", "gt1")]


def add_once(sysfs: Path, address: str) -> Path:
    folder = sysfs / "bus/pci/devices" / address
    return folder if folder.exists() else add(sysfs, address)
