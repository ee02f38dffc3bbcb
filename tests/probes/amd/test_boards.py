from collections.abc import Sequence

import pytest

from effmeter.probes.amd.boards import ListedGpu, judge
from effmeter.probes.amd.chips import Chip
from effmeter.probes.amd.gpu import Seen
from effmeter.probes.base import Failure

MI250X, MI210, RADEON = 0x7408, 0x740F, 0x73DF
READ = Seen(5_000, 300.0)
SILENT = Seen(Failure("no energy"), Failure("no power"))
ZERO = Seen(0, Failure("no power"))
PLACES = ("0000:c1:00.0", "0000:c6:00.0", "0000:c9:00.0", "0000:ce:00.0")


def listed(
    seen: Seen,
    address: str = PLACES[0],
    number: int = MI250X,
    *,
    called: bool = False,
    integrated: bool = False,
) -> ListedGpu:
    return ListedGpu(
        f"tool {address}", f"amd-gpu {address}", address, Chip("", number), seen, called, integrated
    )


def kinds(gpus: Sequence[ListedGpu]) -> dict[str, str]:
    """Of each address: read, part (of another), or unknown."""
    judgement = judge(gpus)
    found = {gpu.address: "read" for gpu in judgement.read}
    for gpu, refusal in judgement.refusals:
        found[gpu.address] = "unknown" if refusal.present else "part"
    return found


@pytest.mark.parametrize(
    ("dies", "verdicts"),
    [
        ([READ, SILENT], ["read", "part"]),
        ([ZERO, READ], ["part", "read"]),
        ([READ, SILENT, READ, ZERO], ["read", "part", "read", "part"]),
        ([SILENT, READ, SILENT, READ], ["part", "read", "part", "read"]),
        ([READ, SILENT, SILENT, READ], ["read", "part", "part", "read"]),
        ([READ, SILENT, SILENT], ["read", "part", "unknown"]),
        ([SILENT], ["unknown"]),
        ([ZERO], ["unknown"]),
        ([SILENT, SILENT], ["unknown", "unknown"]),
        ([READ, READ], ["read", "read"]),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_second_die_belongs_to_a_first_one_beside_it(
    dies: list[Seen], verdicts: list[str], reverse: bool
) -> None:
    gpus = [listed(seen, address) for seen, address in zip(dies, PLACES, strict=False)]
    expected = dict(zip(PLACES, verdicts, strict=False))
    assert kinds(gpus[::-1] if reverse else gpus) == expected


@pytest.mark.parametrize("number", [MI210, RADEON])
def test_a_card_of_one_die_that_is_called_a_second_one_is_unknown(number: int) -> None:
    other = listed(READ, PLACES[1], number)
    judgement = judge([listed(SILENT, number=number, called=True), other])
    ((gpu, refusal),) = judgement.refusals
    assert gpu.address == PLACES[0]
    assert refusal.present
    assert "no first die" in refusal.reason
    assert refusal.leaves_unread == f"amd-gpu {PLACES[0]}"


def test_the_dies_are_told_by_their_order_where_no_addresses_are_listed() -> None:
    judgement = judge([listed(READ, ""), listed(SILENT, ""), listed(SILENT, "")])
    assert [refusal.present for _, refusal in judgement.refusals] == [False, True]


def test_partitions_and_graphics_in_the_processor_are_part_of_another() -> None:
    gpus = [
        listed(READ, "0000:c1:00.0", 0x74A1),
        listed(READ, "0000:c1:00.1", 0x74A1),
        listed(READ, "0000:0d:00.0", 0x164E, integrated=True),
    ]
    judgement = judge(gpus)
    assert [refusal.present for _, refusal in judgement.refusals] == [False, False]
    assert judgement.settled == {gpu.address for gpu in gpus}


def test_a_gpu_with_one_figure_of_two_is_read() -> None:
    gpu = listed(Seen(Failure("no energy"), 200.0), number=RADEON)
    assert judge([gpu]).read == (gpu,)
