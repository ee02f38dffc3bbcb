"""ROCR_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES: resolved only where the order cannot matter."""

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.amd.visibility import visibility_of
from effmeter.probes.base import Visibility


def gpu(number: int, suffix: str = "") -> Channel:
    kind = Kind.GAUGE if suffix else Kind.COUNTER
    return Channel(
        f"amd-gpu{number}{suffix}",
        Component.GPU,
        kind,
        Provenance.MEASURED,
        "test",
        0.001,
        device=f"AMD Instinct MI210 0000:{number}1:00.0",
    )


CHANNELS = (gpu(0), gpu(0, "-power"), gpu(1))
ALL_HIDDEN = Visibility(("amd-gpu0", "amd-gpu0-power", "amd-gpu1"))


def visibility(**environ: str) -> Visibility:
    return visibility_of(environ, CHANNELS, same_devices=True)


def visibility_in_container(**environ: str) -> Visibility:
    return visibility_of(environ, CHANNELS, same_devices=False)


def test_without_the_variables_a_program_is_not_restricted() -> None:
    assert visibility() == Visibility()


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
@pytest.mark.parametrize("listed", ["", " ", "-1"])
def test_an_empty_list_hides_every_gpu(variable: str, listed: str) -> None:
    assert visibility(**{variable: listed}) == ALL_HIDDEN
    assert visibility_in_container(**{variable: listed}) == ALL_HIDDEN


@pytest.mark.parametrize("listed", ["0,1", "1, 0", "0,1,7"])
def test_a_list_of_every_gpu_hides_none(listed: str) -> None:
    assert visibility(ROCR_VISIBLE_DEVICES=listed, HIP_VISIBLE_DEVICES="0,1") == Visibility()


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
@pytest.mark.parametrize("listed", ["1", "GPU-4b2c1a9e7d3f5a60", "0,GPU-4b2c1a9e7d3f5a60"])
def test_a_part_of_the_gpus_is_not_guessed_at(variable: str, listed: str) -> None:
    answer = visibility(**{variable: listed})
    assert answer.hidden_channels is None
    assert answer.reason.startswith(f"{variable}={listed} cannot be matched")


def test_numbers_in_another_container_are_not_resolved() -> None:
    answer = visibility_in_container(HIP_VISIBLE_DEVICES="0,1")
    assert answer.hidden_channels is None
    assert "container" in answer.reason


def test_the_hidden_gpus_of_the_first_variable_stay_hidden_whatever_the_second_says() -> None:
    assert visibility(ROCR_VISIBLE_DEVICES="", HIP_VISIBLE_DEVICES="0,1") == ALL_HIDDEN
