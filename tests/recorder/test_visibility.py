"""Which devices a recorded program may use, by its own list and its environment."""

import os
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component
from effmeter.cover import (
    DEVICE_CAUTIONS,
    HIDDEN_CHANNELS,
    UNREAD_DEVICES,
    VISIBILITY_UNKNOWN,
    VISIBLE_DEVICES,
)
from effmeter.probes.amd.listing import list_devices
from effmeter.probes.base import Discovery, Failure, Listed, ListedDevice, Reading
from effmeter.recorder.visibility import (
    UNNAMED,
    device_facts,
    shares_boundary,
    variables_of,
    without_answers,
)
from tests.runfile.writing import counter
from tests.simulated.pci import place_pci_device

CUDA, ROCR = "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
A, B, C = (ListedDevice((f"GPU-{letter * 8}",), "NVIDIA H100") for letter in "abc")
MI300 = tuple(ListedDevice((f"0000:{bus}:00.0",), "gfx90402") for bus in ("05", "15"))


class FixedProbe:
    """Channels that nothing reads here."""

    name = "fixed"
    period_s = 1.0

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self.channels = channels

    def read(self) -> list[Reading]:
        return []

    def close(self) -> None:
        pass


def gpu(name: str, device: ListedDevice, scope: str = "") -> Channel:
    text = f"{device.name} {device.id}"
    return counter(name, Component.GPU, device=text, scope=scope)


def machine(*channels: Channel, **devices: Listed) -> Discovery:
    return Discovery((FixedProbe((counter("cpu0"), *channels)),), devices=devices)


TWO = machine(gpu("gpu0", A), gpu("gpu1", B), nvidia=(A, B))
BOTH_VENDORS = machine(
    gpu("gpu0", A),
    gpu("amd-gpu0", MI300[0]),
    gpu("amd-gpu1", MI300[1]),
    nvidia=(A,),
    amd=MI300,
)


def test_the_variables_of_a_program_are_those_of_every_vendor() -> None:
    program = {CUDA: "1", ROCR: 0, "ZE_AFFINITY_MASK": None, "PATH": "/bin"}
    assert variables_of(program) == {CUDA: "1", ROCR: "0"}


def test_a_program_cannot_claim_what_it_sees() -> None:
    claimed = {HIDDEN_CHANNELS: ["gpu0"], UNREAD_DEVICES: [], VISIBLE_DEVICES: "x", "pid": 7}
    assert without_answers(claimed) == {"pid": 7}


def test_a_program_that_sees_and_may_use_all_has_no_facts() -> None:
    assert device_facts({}, TWO.devices, TWO) == {}
    assert device_facts({CUDA: "0,1"}, TWO.devices, TWO) == {}


def test_a_number_counts_the_devices_that_the_program_lists() -> None:
    facts = device_facts({CUDA: "0"}, {"nvidia": (B,)}, TWO)
    assert facts == {HIDDEN_CHANNELS: ["gpu0"], VISIBLE_DEVICES: [B.id]}


def test_a_device_that_the_program_does_not_list_is_hidden_without_a_variable() -> None:
    assert device_facts({}, {"nvidia": (B,)}, TWO)[HIDDEN_CHANNELS] == ["gpu0"]


def test_a_program_that_lists_no_device_is_charged_none() -> None:
    for listing in ({"nvidia": ()}, {}):
        facts = device_facts({CUDA: "0"}, listing, TWO)
        assert facts == {HIDDEN_CHANNELS: ["gpu0", "gpu1"], VISIBLE_DEVICES: []}


def test_each_vendor_hides_its_own_channels() -> None:
    environ = {CUDA: "", ROCR: "1", "HIP_VISIBLE_DEVICES": "0"}
    facts = device_facts(environ, BOTH_VENDORS.devices, BOTH_VENDORS)
    assert facts[HIDDEN_CHANNELS] == ["gpu0", "amd-gpu0"]
    assert facts[VISIBLE_DEVICES] == [MI300[1].id]


def test_a_device_that_the_recorder_does_not_see_is_unread() -> None:
    facts = device_facts({CUDA: "0"}, {"nvidia": (C,)}, TWO)
    assert facts[HIDDEN_CHANNELS] == ["gpu0", "gpu1"]
    (unread,) = facts[UNREAD_DEVICES]
    assert (unread["device"], unread["component"]) == (C.id, "gpu")
    assert unread["reason"].startswith("NVIDIA H100: the recorder does not see it")


def test_without_a_list_numbers_are_unknown_and_all_devices_count() -> None:
    for environ in ({CUDA: "0"}, {CUDA: "1"}, {}):
        facts = device_facts(environ, None, TWO)
        assert HIDDEN_CHANNELS not in facts
        assert "devices could not be listed" in facts[VISIBILITY_UNKNOWN]


def test_without_a_list_identities_and_empty_lists_are_resolved() -> None:
    assert device_facts({CUDA: B.id}, None, TWO)[HIDDEN_CHANNELS] == ["gpu0"]
    assert device_facts({CUDA: ""}, None, TWO)[HIDDEN_CHANNELS] == ["gpu0", "gpu1"]


def test_a_list_that_failed_says_why() -> None:
    listing = {"nvidia": Failure("NVML: no permission")}
    assert device_facts({CUDA: "0"}, listing, TWO) == {VISIBILITY_UNKNOWN: "NVML: no permission"}


def test_a_failure_matters_only_for_devices_that_are_read() -> None:
    assert device_facts({}, {"amd": Failure("no tool"), **TWO.devices}, TWO) == {}


def test_the_reasons_of_several_vendors_stand_together() -> None:
    listing = {"nvidia": Failure("one"), "amd": Failure("two")}
    assert device_facts({}, listing, BOTH_VENDORS) == {VISIBILITY_UNKNOWN: "one; two"}


def test_a_device_that_is_charged_whole_is_named_by_its_channel() -> None:
    divided = ListedDevice(A.ids, A.name, ("MIG-1", "MIG-2"))
    facts = device_facts({CUDA: "MIG-1"}, {"nvidia": (divided,)}, machine(gpu("gpu0", A)))
    (caution,) = facts[DEVICE_CAUTIONS]
    assert caution.startswith(f"gpu0 ({A.id}) is charged as a whole to a program on MIG instance")


def test_a_figure_of_both_dies_stays_for_a_program_on_the_second_one() -> None:
    one = gpu("amd-gpu0", MI300[0], scope="both dies of the package")
    two = machine(one, amd=MI300)
    assert device_facts({ROCR: "1"}, two.devices, two) == {}
    assert device_facts({ROCR: ""}, two.devices, two)[HIDDEN_CHANNELS] == ["amd-gpu0"]


def test_a_process_of_the_same_cgroup_and_file_systems_sees_the_same() -> None:
    assert shares_boundary(os.getpid())
    assert not shares_boundary(-1)


@pytest.mark.parametrize("differs", ["cgroup", "ns"])
def test_another_cgroup_or_container_is_another_boundary(tmp_path: Path, differs: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for who, place in (("self", "one"), ("7", "two" if differs == "ns" else "one")):
        (tmp_path / who / "ns").mkdir(parents=True)
        (tmp_path / who / "ns" / "mnt").symlink_to(tmp_path / place)
        (tmp_path / who / "cgroup").write_text(f"0::/{who if differs == 'cgroup' else 'a'}\n")
    assert not shares_boundary(7, tmp_path)
    (tmp_path / "7" / "cgroup").write_bytes((tmp_path / "self" / "cgroup").read_bytes())
    assert shares_boundary(7, tmp_path) == (differs == "cgroup")


def test_gpus_that_their_meter_does_not_name_count_whatever_the_program_uses() -> None:
    node = machine(
        counter("cray-accel0", Component.GPU, device="accelerator 0"),
        counter("cray-accel1", Component.GPU, device="accelerator 1"),
        amd=MI300,
    )
    (caution,) = device_facts({ROCR: "1"}, {"amd": MI300}, node)[DEVICE_CAUTIONS]
    assert caution == f"cray-accel0, cray-accel1: {UNNAMED}"
    assert DEVICE_CAUTIONS not in device_facts({}, {"amd": MI300}, node)


@pytest.mark.parametrize("variable", [ROCR, "HIP_VISIBLE_DEVICES", CUDA, "GPU_DEVICE_ORDINAL"])
def test_a_job_that_was_given_one_of_eight_gpus_is_charged_for_that_one(
    tmp_path: Path, variable: str
) -> None:
    addresses = [f"0000:{number + 1}5:00.0" for number in range(8)]
    for address in addresses:
        place_pci_device(tmp_path, address, vendor="0x1002")
    listing = {"amd": list_devices(tmp_path)}
    cards = (ListedDevice((address,), "AMD Instinct MI300X") for address in addresses)
    channels = [gpu(f"amd-gpu{number}", card) for number, card in enumerate(cards)]
    eight = machine(*channels, **listing)
    facts = device_facts({variable: "3"}, listing, eight)
    assert facts[HIDDEN_CHANNELS] == [f"amd-gpu{n}" for n in (0, 1, 2, 4, 5, 6, 7)]
    assert facts[VISIBLE_DEVICES] == ["0000:45:00.0"]
    (caution,) = facts[DEVICE_CAUTIONS]
    assert caution.startswith(f"{variable} is taken to select 0000:45:00.0")
