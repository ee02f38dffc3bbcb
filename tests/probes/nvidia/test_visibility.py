"""CUDA_VISIBLE_DEVICES in all its forms, mapped to physical GPUs by UUID."""

import pytest

from effmeter.channel import Component
from effmeter.probes.base import Visibility
from effmeter.probes.nvidia.channels import Gpu
from effmeter.probes.nvidia.visibility import Selection, visibility_of, visible_gpus
from tests.runfile.writing import counter

A, B, C = (f"GPU-{letter * 8}-0000-4000-8000-000000000000" for letter in "abc")
MIG_1, MIG_2 = (f"MIG-{digit * 8}-0000-4000-8000-000000000000" for digit in "12")
H100 = "NVIDIA H100 80GB HBM3"
ALIKE = (Gpu(0, H100, A), Gpu(1, H100, B, mig_instances=(MIG_1, MIG_2)), Gpu(2, H100, C))
MIXED = (Gpu(0, "NVIDIA T400", A), Gpu(1, H100, B))


def seen(listed: str, order: str | None = None, gpus: tuple[Gpu, ...] = ALIKE) -> Selection:
    environ = {"CUDA_VISIBLE_DEVICES": listed}
    if order is not None:
        environ["CUDA_DEVICE_ORDER"] = order
    return visible_gpus(environ, gpus)


def test_without_the_variable_a_program_is_not_restricted() -> None:
    assert visible_gpus({}, ALIKE) == Selection(None)


@pytest.mark.parametrize(
    ("listed", "uuids"),
    [
        ("0", (A,)),
        ("2,0", (C, A)),
        (" 1 , 2 ", (B, C)),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", (A,)),
        ("0,9,1", (A,)),
        ("0,,1", (A,)),
        ("NoDevFiles", ()),
        ("0,none", (A,)),
        ("0,0", ()),
        (A, (A,)),
        (f"{C},{A}", (C, A)),
        ("GPU-b", (B,)),
        ("GPU-", ()),
        ("GPU-aaaa,GPU-ffff,GPU-c", (A,)),
        (f"{A},GPU-a", ()),
        (A.removeprefix("GPU-"), ()),
        (MIG_1, (B,)),
        ("MIG-2222", (B,)),
        (f"{MIG_1},{MIG_2}", (B,)),
        (f"{MIG_1},{MIG_1}", ()),
        (f"MIG-{C}/1/0", (C,)),
        ("MIG-GPU-ffffffff-0000-4000-8000-000000000000/1/0", ()),
        ("MIG-9999", ()),
    ],
)
def test_a_list_gives_the_physical_gpus_up_to_its_first_entry_that_names_none(
    listed: str, uuids: tuple[str, ...]
) -> None:
    assert seen(listed).uuids == uuids


def test_numbers_count_by_pci_address_where_the_order_says_so() -> None:
    assert seen("1", "PCI_BUS_ID", MIXED).uuids == (B,)


@pytest.mark.parametrize("order", [None, "FASTEST_FIRST", "nonsense"])
def test_numbers_of_different_gpus_in_the_order_of_their_speed_cannot_be_told(
    order: str | None,
) -> None:
    selection = seen("0", order, MIXED)
    assert selection.uuids is None
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in selection.reason


def test_uuids_are_told_whatever_the_order() -> None:
    assert seen(B, "FASTEST_FIRST", MIXED).uuids == (B,)


def test_numbers_in_a_container_of_its_own_cannot_be_told_but_uuids_can() -> None:
    for listed, uuids in (("0", None), (C, (C,)), ("-1", ())):
        selection = visible_gpus({"CUDA_VISIBLE_DEVICES": listed}, ALIKE, same_devices=False)
        assert selection.uuids == uuids


def test_numbers_cannot_be_told_beside_a_gpu_that_does_not_answer() -> None:
    selection = seen("1", "PCI_BUS_ID", (*ALIKE, Gpu(3, "", "")))
    assert selection.uuids is None
    assert "does not answer" in selection.reason


CHANNELS = (
    counter("cpu0"),
    *(counter(f"gpu{g.index}", Component.GPU, device=f"{g.name} {g.uuid}") for g in ALIKE),
    counter("gpu3", Component.GPU, device="AMD Instinct MI300X 0000:c1:00.0"),
)


def test_the_channels_of_the_other_gpus_are_hidden() -> None:
    answer = visibility_of({"CUDA_VISIBLE_DEVICES": "1"}, ALIKE, CHANNELS, same_devices=True)
    assert answer == Visibility(("gpu0", "gpu2"), (B,))


def test_an_empty_list_hides_all_gpus_of_this_vendor_alone() -> None:
    answer = visibility_of({"CUDA_VISIBLE_DEVICES": ""}, ALIKE, CHANNELS, same_devices=True)
    assert answer == Visibility(("gpu0", "gpu1", "gpu2"))


def test_a_gpu_that_does_not_tell_its_uuid_is_not_hidden() -> None:
    gpus = (Gpu(0, H100, A), Gpu(1, "", ""))
    answer = visibility_of({"CUDA_VISIBLE_DEVICES": A}, gpus, CHANNELS, same_devices=True)
    assert answer.hidden_channels == ()


def test_a_restriction_that_cannot_be_resolved_hides_nothing_and_says_why() -> None:
    answer = visibility_of({"CUDA_VISIBLE_DEVICES": "1"}, ALIKE, CHANNELS, same_devices=False)
    assert answer.hidden_channels is None
    assert "container" in answer.reason
