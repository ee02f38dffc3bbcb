"""CUDA_VISIBLE_DEVICES in all its forms, mapped to the physical GPUs that a program lists."""

import pytest

from effmeter.probes.base import ListedDevice, Usable
from effmeter.probes.nvidia.visibility import usable

A, B, C = (f"GPU-{letter * 8}-0000-4000-8000-000000000000" for letter in "abc")
MIG_1, MIG_2 = (f"MIG-{digit * 8}-0000-4000-8000-000000000000" for digit in "12")
H100 = "NVIDIA H100 80GB HBM3"
ALIKE = (
    ListedDevice((A, "0000:17:00.0"), H100),
    ListedDevice((B,), H100, (MIG_1, MIG_2)),
    ListedDevice((C,), H100),
)
MIXED = (ListedDevice((A,), "NVIDIA T400"), ListedDevice((B,), H100))


def answer(listed: str, order: str | None = None, gpus: tuple[ListedDevice, ...] = ALIKE) -> Usable:
    environ = {"CUDA_VISIBLE_DEVICES": listed}
    if order is not None:
        environ["CUDA_DEVICE_ORDER"] = order
    return usable(environ, gpus)


def uuids_of(found: Usable) -> tuple[str, ...] | None:
    return None if found.devices is None else tuple(gpu.id for gpu in found.devices)


def test_without_the_variable_a_program_may_use_all_that_it_sees() -> None:
    assert usable({}, ALIKE).devices == ALIKE


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
    assert uuids_of(answer(listed)) == uuids


def test_numbers_count_by_pci_address_where_the_order_says_so() -> None:
    assert uuids_of(answer("1", "PCI_BUS_ID", MIXED)) == (B,)


@pytest.mark.parametrize("order", [None, "FASTEST_FIRST", "nonsense"])
def test_numbers_of_different_gpus_in_the_order_of_their_speed_are_unknown(
    order: str | None,
) -> None:
    found = answer("0", order, MIXED)
    assert found.devices is None
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in found.reason


def test_uuids_are_resolved_whatever_the_order() -> None:
    assert uuids_of(answer(B, "FASTEST_FIRST", MIXED)) == (B,)


def test_numbers_beside_a_gpu_that_does_not_answer_are_unknown_but_uuids_are_not() -> None:
    gpus = (*ALIKE, ListedDevice(("",)))
    found = answer("1", "PCI_BUS_ID", gpus)
    assert found.devices is None
    assert "does not answer" in found.reason
    assert uuids_of(answer(C, None, gpus)) == (C,)


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        (MIG_1, f"a program on MIG instance {MIG_1}: another instance shares the GPU"),
        ("1", "a program on a MIG instance: another instance shares the GPU"),
        (f"{MIG_1},{MIG_2}", f"MIG instance {MIG_1}: other instances may share the GPU"),
    ],
)
def test_a_program_on_a_mig_instance_is_charged_the_whole_gpu_with_a_caution(
    listed: str, text: str
) -> None:
    (caution,) = answer(listed).cautions
    assert caution.device == ALIKE[1]
    assert caution.text.startswith("is charged as a whole to a program on ")
    assert caution.text.endswith(text)


def test_a_mig_instance_of_an_older_driver_is_named_too() -> None:
    gpu = ListedDevice((C,), H100, (f"MIG-{C}/1/0", f"MIG-{C}/2/0", f"MIG-{C}/3/0"))
    (caution,) = answer(f"MIG-{C}/1/0", None, (gpu,)).cautions
    assert caution.text.endswith(f"MIG-{C}/1/0: 2 other instances share the GPU")


def test_a_program_without_the_variable_runs_on_an_instance_of_a_partitioned_gpu() -> None:
    (caution,) = usable({}, ALIKE).cautions
    assert caution.device == ALIKE[1]
