"""Names are taken out of captures; equal ones stay equal, and places keep their order."""

import json
import re
import socket
from typing import Any

import pytest

from effmeter.probes.capture.anonymous import without_names

NAMES = {"orion7": "host", "jdoe": "user"}


def replaced(**capture: Any) -> dict[str, Any]:
    return without_names(capture, NAMES)


def test_uuids_are_replaced_each_by_its_own() -> None:
    one, other = (
        "GPU-7c1f2d3e-1111-2222-3333-444455556666",
        "MIG-00000000-aaaa-bbbb-cccc-ddddeeeeffff",
    )
    found = replaced(a=[one, other, one.upper()], b={one: f"is {one}"})
    assert found["a"][0].startswith("GPU-00000000-")
    assert found["a"][1].startswith("MIG-00000000-")
    assert found["a"][0] != found["a"][1]
    assert found["a"][0].upper() == found["a"][2].upper()
    assert list(found["b"]) == [found["a"][0]]


def test_pci_addresses_are_renumbered_in_their_order_and_notation() -> None:
    found = replaced(
        links={
            "bus/pci/devices/0000:c1:00.0": "../../../devices/pci0000:c0/0000:c0:01.1/0000:c1:00.0",
            "bus/pci/devices/0000:04:00.0": "../../../devices/pci0000:00/0000:00:1c.4/0000:04:00.0",
        },
        bus_id="00000000:C1:00.0",
    )
    assert found["links"] == {
        "bus/pci/devices/0000:03:00.0": "../../../devices/pci0000:02/0000:02:01.1/0000:03:00.0",
        "bus/pci/devices/0000:01:00.0": "../../../devices/pci0000:00/0000:00:1c.4/0000:01:00.0",
    }
    assert found["bus_id"] == "00000000:03:00.0"


def test_the_root_bus_stays_one_in_every_domain() -> None:
    assert replaced(a=["10000:00:02.0", "0000:00:02.0"])["a"] == ["00001:00:02.0", "0000:00:02.0"]


def test_the_notation_of_an_address_is_kept() -> None:
    assert replaced(a=["00000000:3B:00.0", "0000:5e:00.0"])["a"] == [
        "00000000:01:00.0",
        "0000:02:00.0",
    ]


def test_amd_s_topology_names_the_same_places() -> None:
    properties = "simd_count 304\nlocation_id 49408\ndomain 0\nunique_id 12345678901\n"
    found = replaced(
        files={
            "class/kfd/kfd/topology/nodes/4/properties": properties,
            "bus/pci/devices/0000:c1:00.0/unique_id": "00000002dfdc1c35",
        }
    )
    (topology, unique) = found["files"].values()
    assert "location_id 256\n" in topology, "bus 1, device 0"
    assert f"unique_id {int(unique, 16)}\n" in topology, "the same identity"
    assert "12345678901" not in json.dumps(found)
    assert "2dfdc1c35" not in json.dumps(found)


def test_serial_numbers_are_replaced() -> None:
    printed = '{"card0": {"Serial Number": "PCB023918-0021", "Unique ID": "0xc2a91bd1f09d3cab"}}'
    found = json.dumps(replaced(printed=printed, files={"x/serial_number": "1564720011"}))
    assert not re.search("PCB0239|c2a91bd1f09d3cab|1564720011", found)


def test_host_user_and_home_are_replaced() -> None:
    found = replaced(
        variables={"EFFMETER_POWERMETRICS": "/Users/jdoe/bin/powermetrics"},
        printed="orion7: jdoe is not jdoes, see /home/jdoe/a/b and /root/x",
    )
    assert found["variables"]["EFFMETER_POWERMETRICS"] == "/home/user"
    assert found["printed"] == "host: user is not jdoes, see /home/user and /home/user"


def test_the_user_behind_sudo_and_an_unusual_home_are_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUDO_USER", "mmuster")
    monkeypatch.setenv("HOME", "/data/people/m2")
    found = without_names({"a": "mmuster keeps /data/people/m2/x and /data/people/m22"})
    assert found["a"] == "user keeps /home/user/x and /data/people/m22"


def test_the_names_of_this_host_are_replaced_by_default() -> None:
    name = socket.gethostname()
    found = json.dumps(without_names({"a": f"on {name} now"}))
    assert len(name) < 3 or name in ("localhost", "host") or f"on {name} " not in found


def test_numbers_and_other_texts_stay() -> None:
    capture = {
        "a": [1, 2.5, None, True],
        "b": "12:30:45.5 package-0",
        "c": {"energy_uj": "123456789"},
    }
    assert without_names(capture, NAMES) == capture
