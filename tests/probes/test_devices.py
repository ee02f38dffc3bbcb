"""The lists of devices that programs send to recorders."""

import json

import pytest

from effmeter.probes.base import Failure, Listed, ListedDevice
from effmeter.probes.devices import VARIABLES, listing_from_texts, listing_to_texts
from effmeter.wire.handshake import MAX_VARIABLES

GPU = ListedDevice(("GPU-a", "0000:17:00.0"), "H100", ("MIG-b",), place_is_assumed=True)


def test_a_listing_is_the_same_after_it_was_sent() -> None:
    listing: dict[str, Listed] = {
        "nvidia": (GPU, ListedDevice(("",))),
        "amd": Failure("no permission"),
        "intel": (),
    }
    assert listing_from_texts(listing_to_texts(listing)) == listing


@pytest.mark.parametrize(
    "text",
    [
        7,
        "{",
        "7",
        "[7]",
        "[[[], 1, null, false]]",
        "[[7, 1, null, false]]",
        '[[["a"], "n", 7, false]]',
        json.dumps([[["a"], "n", None, False]] * 257),
        "[" * 100_000,
    ],
)
def test_a_text_that_is_no_list_of_devices_is_refused(text: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own message differs by version
        listing_from_texts({"nvidia": text})


def test_vendors_that_this_version_does_not_know_are_passed_over() -> None:
    assert listing_from_texts({"another": "["}) == {}


def test_texts_are_cut_to_a_bounded_length() -> None:
    long = json.dumps([[["a" * 9999], "n" * 9999, None, False]])
    listed = listing_from_texts({"amd": long})["amd"]
    assert not isinstance(listed, Failure)
    (device,) = listed
    assert max(map(len, (device.id, device.name))) == 200


def test_a_greeting_has_room_for_the_variables_of_every_vendor() -> None:
    assert len(VARIABLES) <= MAX_VARIABLES
