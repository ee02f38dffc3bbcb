"""ZE_AFFINITY_MASK: cards, tiles of cards, and the hierarchies that number them."""

import pytest

from effmeter.probes.base import ListedDevice
from effmeter.probes.intel.listing import INTEGRATED
from effmeter.probes.intel.visibility import usable

TILES = ("tile0", "tile1")
CARDS = tuple(ListedDevice((f"0000:{bus}:00.0",), "0x0bd5", TILES) for bus in ("1a", "2a", "3a"))
PLAIN = tuple(ListedDevice((f"0000:{bus}:00.0",), "0x56a0") for bus in ("03", "04"))
COMPOSITE = {"ZE_FLAT_DEVICE_HIERARCHY": "COMPOSITE"}
FLAT = {"ZE_FLAT_DEVICE_HIERARCHY": "FLAT"}


def chosen(mask: str, cards: tuple[ListedDevice, ...] = PLAIN, **environ: str) -> list[int]:
    found = usable({"ZE_AFFINITY_MASK": mask, **environ}, cards)
    assert found.devices is not None, found.reason
    return [cards.index(device) for device in found.devices]


@pytest.mark.parametrize("environ", [{}, {"ZE_AFFINITY_MASK": ""}, {"ZE_AFFINITY_MASK": " "}])
def test_an_unset_or_empty_mask_selects_all(environ: dict[str, str]) -> None:
    assert usable(environ, PLAIN).devices == PLAIN


@pytest.mark.parametrize(
    ("mask", "expected"), [("0", [0]), ("1", [1]), ("1,0", [1, 0]), ("7", []), ("0.0", [0])]
)
def test_a_mask_selects_cards_of_one_tile(mask: str, expected: list[int]) -> None:
    assert chosen(mask) == expected


@pytest.mark.parametrize(
    ("mask", "expected"), [("1", [1]), ("0.1", [0]), ("0.1,2", [0, 2]), ("0.0,0.1", [0])]
)
def test_a_mask_of_the_composite_hierarchy_counts_cards(mask: str, expected: list[int]) -> None:
    assert chosen(mask, CARDS, **COMPOSITE) == expected


@pytest.mark.parametrize(("mask", "expected"), [("0", [0]), ("2,3", [1]), ("1,4", [0, 2])])
def test_a_mask_of_the_flat_hierarchy_counts_tiles(mask: str, expected: list[int]) -> None:
    assert chosen(mask, CARDS, **FLAT) == expected


def test_a_number_that_may_be_a_tiles_or_a_cards_is_not_guessed() -> None:
    found = usable({"ZE_AFFINITY_MASK": "1"}, CARDS)
    assert found.devices is None
    assert found.reason.endswith("may count cards or tiles: set ZE_FLAT_DEVICE_HIERARCHY")


def test_a_program_on_a_tile_is_charged_the_whole_card_with_a_caution() -> None:
    (caution,) = usable({"ZE_AFFINITY_MASK": "1.0,2"}, CARDS).cautions
    assert caution.device == CARDS[1]
    assert caution.text == "is charged as a whole to a program on 1 of its 2 tiles"


def test_beside_an_integrated_gpu_the_order_must_be_that_of_the_addresses() -> None:
    cards = (ListedDevice((INTEGRATED,)), *PLAIN)
    assert usable({"ZE_AFFINITY_MASK": "1"}, cards).devices is None
    assert chosen("1", cards, ZE_ENABLE_PCI_ID_DEVICE_ORDER="1") == [1]
