import os
from pathlib import Path

import pytest

from effmeter.probes.pci import AMD, NVIDIA, address_of, gpus_on_bus, is_suspended, unlisted_reason
from tests.simulated.pci import ACCELERATOR, DISPLAY, NETWORK, place_pci_device


def test_the_gpus_of_a_vendor_are_listed_in_the_order_of_their_addresses(tmp_path: Path) -> None:
    place_pci_device(tmp_path, "0000:C1:00.0", device="0x740c")
    place_pci_device(tmp_path, "0000:03:00.0", device_class=ACCELERATOR)
    place_pci_device(tmp_path, "0000:04:00.0", device_class=NETWORK)
    place_pci_device(tmp_path, "0000:05:00.0", "0x10de")
    found = gpus_on_bus(tmp_path, AMD)
    assert [(gpu.address, gpu.device) for gpu in found] == [
        ("0000:03:00.0", 0),
        ("0000:c1:00.0", 0x740C),
    ]
    assert [gpu.address for gpu in gpus_on_bus(tmp_path, NVIDIA)] == ["0000:05:00.0"]


def test_a_machine_without_the_bus_has_no_gpu_on_it(tmp_path: Path) -> None:
    assert gpus_on_bus(tmp_path, AMD) == ()
    assert unlisted_reason(tmp_path) == ""


def test_a_bus_that_is_hidden_may_hold_gpus(tmp_path: Path) -> None:
    assert "not mounted" in unlisted_reason(tmp_path / "nowhere")
    bus = tmp_path / "bus" / "pci"
    bus.mkdir(parents=True)
    (bus / "devices").symlink_to(bus / "devices")
    assert os.strerror(40) in unlisted_reason(tmp_path)


@pytest.mark.parametrize("content", ["", "none", "0xzz", None])
def test_a_device_that_does_not_tell_what_it_is_may_be_a_gpu(
    tmp_path: Path, content: str | None
) -> None:
    folder = place_pci_device(tmp_path, device_class=DISPLAY)
    assert unlisted_reason(tmp_path) == ""
    if content is None:
        (folder / "class").unlink()
    else:
        (folder / "class").write_text(content)
    assert "class cannot be read" in unlisted_reason(tmp_path)
    assert gpus_on_bus(tmp_path, AMD) == ()


def test_the_address_of_a_device_is_its_folder_s_name_or_stands_in_its_uevent(
    tmp_path: Path,
) -> None:
    link = tmp_path / "device"
    link.symlink_to(place_pci_device(tmp_path, "0000:83:00.0"))
    assert address_of(link) == "0000:83:00.0"
    folder = tmp_path / "other"
    folder.mkdir()
    assert address_of(folder) == ""
    (folder / "uevent").write_text("DRIVER=xe\nPCI_SLOT_NAME=0000:0B:00.0\n")
    assert address_of(folder) == "0000:0b:00.0"


def test_only_a_device_that_says_so_sleeps(tmp_path: Path) -> None:
    assert not is_suspended(tmp_path)
    (tmp_path / "power").mkdir()
    (tmp_path / "power" / "runtime_status").write_text("suspended\n")
    assert is_suspended(tmp_path)
