"""A recording describes its channels with what the client's machine knows of their sensors."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from effmeter.channel import Calibration
from effmeter.recorder.calibrations import Calibrations
from effmeter.wire.protocol import ProtocolError, check_request
from tests.recorder.served import BEGIN
from tests.runfile.writing import counter

KNOWN = Calibration(1.25, -2.0, 0.0125, 0.5, "meter.csv", "2026-01-02T03:04:05+00:00")
GPU = counter("gpu0", device="a GPU-1", gain_error_fraction=0.08, offset_error_w=20.0)


def begin(calibrations: dict[str, Any]) -> dict[str, Any]:
    return check_request({**BEGIN, "calibrations": calibrations})


def test_a_channel_takes_the_calibration_of_its_sensor_whatever_its_number() -> None:
    known = Calibrations.of(begin({GPU.sensor: json.dumps(asdict(KNOWN))}))
    for number in (0, 3):
        found = known.describe(replace(GPU, name=f"gpu{number}"))
        assert found.calibration == KNOWN
        assert found.gain_error_fraction == pytest.approx(0.01)
        assert found.offset_error_w == 0.5


def test_another_device_and_another_sensor_keep_their_stated_errors() -> None:
    known = Calibrations.of(begin({GPU.sensor: json.dumps(asdict(KNOWN))}))
    others = (replace(GPU, device="a GPU-2"), replace(GPU, name="gpu0-power"))
    assert known.describe_all(others) == others
    assert Calibrations.of(begin({})).describe(GPU) == GPU


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({**asdict(KNOWN), "gain": -1.0}), 5, "[" * 100_000]
)
def test_what_is_no_calibration_ends_the_connection(text: str | int) -> None:
    with pytest.raises(ProtocolError, match="not a calibration"):
        Calibrations.of({**BEGIN, "calibrations": {GPU.sensor: text}})
