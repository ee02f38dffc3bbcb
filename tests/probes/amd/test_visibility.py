"""ROCR_VISIBLE_DEVICES, then the first of three variables of HIP within what ROCr leaves."""

import pytest

from effmeter.probes.amd.visibility import usable
from effmeter.probes.base import ListedDevice

GPUS = tuple(
    ListedDevice((f"0000:{n + 1}5:00.0", f"GPU-{n + 10:016x}"), "gfx90402") for n in range(4)
)
HIP = ["HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"]


def numbers(**environ: str) -> list[int]:
    found = usable(environ, GPUS)
    assert found.devices is not None
    assert found.cautions == ()
    return [GPUS.index(device) for device in found.devices]


def test_without_the_variables_a_program_may_use_all_that_it_sees() -> None:
    assert numbers() == [0, 1, 2, 3]


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", *HIP])
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("", []),
        (" ", []),
        ("-1", []),
        ("3", [3]),
        ("2,0", [2, 0]),
        (" 1 , 2 ", [1, 2]),
        ("1,9,2", [1]),
        ("1,1,2", [1]),
        ("0,none,2", [0]),
        ("GPU-000000000000000c", [2]),
        ("0,gpu-C", [0, 2]),
        ("GPU-4b2c1a9e7d3f5a60", []),
    ],
)
def test_each_variable_selects_by_number_or_unique_id(
    variable: str, listed: str, expected: list[int]
) -> None:
    assert numbers(**{variable: listed}) == expected


@pytest.mark.parametrize("variable", HIP)
def test_hip_counts_within_the_list_of_rocr(variable: str) -> None:
    assert numbers(**{"ROCR_VISIBLE_DEVICES": "3,1", variable: "1"}) == [1]
    assert numbers(**{"ROCR_VISIBLE_DEVICES": "3,1", variable: "2"}) == []
    assert numbers(**{"ROCR_VISIBLE_DEVICES": "", variable: "0"}) == []


def test_of_the_variables_of_hip_the_first_that_is_set_decides() -> None:
    assert numbers(HIP_VISIBLE_DEVICES="3", CUDA_VISIBLE_DEVICES="0", GPU_DEVICE_ORDINAL="1") == [3]
    assert numbers(CUDA_VISIBLE_DEVICES="0", GPU_DEVICE_ORDINAL="1") == [0]


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
def test_an_order_that_is_only_assumed_is_named_where_it_matters(variable: str) -> None:
    assumed = tuple(ListedDevice(gpu.ids, place_is_assumed=True) for gpu in GPUS)
    found = usable({variable: "3"}, assumed)
    assert found.devices == (assumed[3],)
    (caution,) = found.cautions
    assert caution.text.startswith(f"{variable} is taken to select 0000:45:00.0, by the order")
    for harmless in ("", "0,1,2,3"):
        assert usable({variable: harmless}, assumed).cautions == ()


def test_a_partition_is_charged_the_whole_gpu_with_a_caution() -> None:
    parts = (ListedDevice(("0000:15:00.0",)),) * 3 + (ListedDevice(("0000:25:00.0",)),)
    found = usable({"ROCR_VISIBLE_DEVICES": "1,3"}, parts)
    assert found.devices == (parts[0], parts[3])
    (caution,) = found.cautions
    assert caution.device == parts[0]
    assert caution.text == "is charged as a whole to a program on 1 of its 3 partitions"
