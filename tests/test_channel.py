"""The description of a channel goes into a file and comes back, and nonsense does not."""

import json
import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from effmeter.channel import Calibration, Channel, Component, Kind, Provenance
from effmeter.errors import NotARunError

PLAIN = Channel("cpu0", Component.CPU, Kind.COUNTER, Provenance.MEASURED, "powercap", 0.001)
FULL = Channel(
    "gpu0-power",
    Component.GPU,
    Kind.GAUGE,
    Provenance.DERIVED,
    "NVML",
    0.1,
    device="a GPU",
    scope="with its memory",
    contained_in="gpu0",
    unit_j=1e-3,
    modulus=2**32,
    resolution=0.001,
    window_s=1.0,
    gain_error_fraction=0.05,
    estimate_factor=2.0,
    max_power_w=700.0,
    call_cost_s=0.002,
    calibration=Calibration(1.05, -2.0, 0.01, 0.5, "meter.csv", "2026-01-02T03:04:05+00:00"),
)

assert FULL.calibration is not None
CALIBRATION = asdict(FULL.calibration)


def described(**changes: Any) -> dict[str, Any]:
    return {**json.loads(PLAIN.to_json()), **changes}


@pytest.mark.parametrize("channel", [PLAIN, FULL], ids=["plain", "full"])
def test_a_description_comes_back_as_it_went_into_the_file(channel: Channel) -> None:
    assert Channel.from_mapping(json.loads(channel.to_json())) == channel


def test_a_description_holds_only_what_is_not_at_its_default() -> None:
    fields = ["name", "component", "kind", "provenance", "source", "refresh_s"]
    assert list(json.loads(PLAIN.to_json())) == fields
    assert len(json.loads(FULL.to_json())) == len(fields) + 12


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert Channel.from_mapping(described(colour="green")) == PLAIN


def test_a_device_without_a_limit_has_none() -> None:
    assert Channel.from_mapping(described(max_power_w=None)).max_power_w is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "thermometer"}, "thermometer"),
        ({"component": "fan"}, "fan"),
        ({"provenance": None}, "NoneType, none of"),
        ({"name": 7}, "name is no text"),
        ({"contained_in": 7}, "contained_in is no text"),
        ({"modulus": 0}, "modulus is out of range"),
        ({"modulus": 1.5}, "modulus is no whole number"),
        ({"modulus": True}, "modulus is no whole number"),
        ({"refresh_s": None}, "refresh_s is no number"),
        ({"refresh_s": True}, "refresh_s is no number"),
        ({"refresh_s": 0.0}, "refresh_s is out of range"),
        ({"unit_j": -1.0}, "unit_j is out of range"),
        ({"max_power_w": math.inf}, "max_power_w is out of range"),
        ({"resolution": math.nan}, "resolution is out of range"),
        ({"gain_error_fraction": -0.1}, "gain_error_fraction is out of range"),
        ({"calibration": "1.05"}, "a calibration has the fields"),
        ({"calibration": {**CALIBRATION, "gain": 0}}, "gain is out of range"),
        ({"calibration": {**CALIBRATION, "offset_w": "5"}}, "offset_w is no number"),
        ({"calibration": {**CALIBRATION, "date": 5}}, "date is no text"),
    ],
)
def test_a_field_that_no_channel_can_have_is_an_error_that_names_it(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotARunError, match=f"a channel's description cannot be read: .*{reason}"):
        Channel.from_mapping(described(**changes))


@pytest.mark.parametrize("name", ["name", "kind", "refresh_s"])
def test_a_field_that_every_channel_has_must_be_there(name: str) -> None:
    incomplete = described()
    del incomplete[name]
    with pytest.raises(NotARunError, match=name):
        Channel.from_mapping(incomplete)


def test_a_stamped_gauge_shows_the_course_of_the_counter_of_its_device() -> None:
    counter = Channel.from_mapping(described(kind="counter", component="gpu", device="GPU-1"))
    samples = Channel.from_mapping(
        described(kind="gauge", component="gpu", device="GPU-1", lag_s=0.015)
    )
    assert samples.shows_course_of(counter)
    assert not replace(samples, lag_s=None).shows_course_of(counter)
    assert not replace(samples, device="GPU-2").shows_course_of(counter)
    assert not replace(samples, component=Component.BOARD).shows_course_of(counter)
    assert not counter.shows_course_of(counter)
