"""Which Intel GPUs a program may use, by ``ZE_AFFINITY_MASK``.

The mask lists cards (``0``) or tiles of cards (``0.1``). With ``ZE_FLAT_DEVICE_HIERARCHY`` set to
``FLAT`` or ``COMBINED``, a number without a dot is that of a tile, counted over all cards. An
unset or empty mask selects all. Level Zero numbers by the PCI address if
``ZE_ENABLE_PCI_ID_DEVICE_ORDER`` is 1; otherwise an integrated GPU may come before or after.

Sources: Level Zero Specification, *Environment Variables*, *Affinity Mask* and *Device Hierarchy*;
Intel's compute-runtime.
"""

from collections.abc import Iterator, Mapping, Sequence

from effmeter.probes.base import Caution, ListedDevice, Usable
from effmeter.probes.intel.listing import INTEGRATED

MASK_VARIABLE = "ZE_AFFINITY_MASK"
HIERARCHY_VARIABLE = "ZE_FLAT_DEVICE_HIERARCHY"
ORDER_VARIABLE = "ZE_ENABLE_PCI_ID_DEVICE_ORDER"
VARIABLES = (MASK_VARIABLE, HIERARCHY_VARIABLE, ORDER_VARIABLE)
_Selected = tuple[ListedDevice, int | None]
"""A card with the tile of it that is selected; None: all of it."""


def usable(environ: Mapping[str, str], listed: Sequence[ListedDevice]) -> Usable:
    """The GPUs that a program with these variables may use, of those that it sees."""
    mask = environ.get(MASK_VARIABLE, "")
    if not mask.strip():
        return Usable(tuple(listed))
    if reason := _why_unknown(mask, environ, listed):
        return Usable(None, reason)
    counts_tiles = environ.get(HIERARCHY_VARIABLE, "").upper() in ("FLAT", "COMBINED")
    selected = list(dict.fromkeys(_selected(mask, listed, counts_tiles)))
    devices = tuple(dict.fromkeys(card for card, _ in selected))
    return Usable(devices, cautions=tuple(_cautions(selected)))


def _why_unknown(
    mask: str, environ: Mapping[str, str], listed: Sequence[ListedDevice]
) -> str | None:
    by_address = environ.get(ORDER_VARIABLE) == "1" or len(listed) == 1
    if not by_address and any(card.id == INTEGRATED for card in listed):
        return f"{MASK_VARIABLE}={mask} may count the integrated GPU first: set {ORDER_VARIABLE}=1"
    if HIERARCHY_VARIABLE in environ or "." in mask:
        return None
    if any(card.parts for card in listed):
        return f"{MASK_VARIABLE}={mask} may count cards or tiles: set {HIERARCHY_VARIABLE}"
    return None


def _selected(mask: str, listed: Sequence[ListedDevice], counts_tiles: bool) -> Iterator[_Selected]:
    tiles: list[_Selected] = [
        (card, tile) for card in listed for tile in range(len(card.parts or ("0",)))
    ]
    for entry in (text.strip() for text in mask.split(",")):
        card, dot, tile = entry.partition(".")
        if not card.isdecimal() or (dot and not tile.split(".")[0].isdecimal()):
            continue
        number = int(card)
        if counts_tiles and not dot:
            yield from tiles[number : number + 1]
        elif number < len(listed):
            is_tile = dot and listed[number].parts
            yield listed[number], int(tile.split(".")[0]) if is_tile else None


def _cautions(selected: Sequence[_Selected]) -> Iterator[Caution]:
    """A sensor shows whole cards."""
    for card in dict.fromkeys(card for card, _ in selected):
        tiles = [tile for of, tile in selected if of is card]
        count = len(card.parts or ())
        if count and None not in tiles and len(tiles) < count:
            parts = f"{len(tiles)} of its {count} tiles"
            yield Caution(f"is charged as a whole to a program on {parts}", card)
