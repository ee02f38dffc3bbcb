import json
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component
from effmeter.cover import choose_cover
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.probes.hwmon.probe import find
from effmeter.probes.search import discover
from effmeter.report.formatting import json_text
from tests.simulated.clock import ManualClock
from tests.simulated.jetson import AGX_ORIN, NANO, ORIN_NANO, place_jetson, place_older_jetson
from tests.simulated.pci import place_pci_device


def search(sysfs: Path) -> Discovery:
    return find(sysfs, ManualClock())


def readings(found: Discovery) -> dict[str, Reading]:
    return {reading.channel: reading for probe in found.probes for reading in probe.read()}


def by_name(found: Discovery) -> dict[str, Channel]:
    return {channel.name: channel for channel in found.channels}


def test_a_rail_draws_its_voltage_times_its_current(tmp_path: Path) -> None:
    place_jetson(tmp_path, ORIN_NANO)
    shown = {name: reading.value for name, reading in readings(search(tmp_path)).items()}
    assert shown == {
        "jetson-vdd-in": pytest.approx(6.0),
        "jetson-vdd-cpu-gpu-cv": pytest.approx(2.0),
        "jetson-vdd-soc": pytest.approx(1.5),
    }


def test_the_module_s_input_contains_the_rails_and_stands_apart(tmp_path: Path) -> None:
    place_jetson(tmp_path, ORIN_NANO)
    channels = by_name(search(tmp_path))
    assert channels["jetson-vdd-in"].component is Component.BOARD
    assert channels["jetson-vdd-soc"].contained_in == "jetson-vdd-in"
    cover = choose_cover(channels.values(), channels)
    assert cover.names == ("jetson-vdd-cpu-gpu-cv", "jetson-vdd-soc")
    assert cover.missing == ()


@pytest.mark.parametrize(
    ("rails", "components"),
    [
        (
            AGX_ORIN,
            {
                "jetson-vdd-gpu-soc": Component.SOC,
                "jetson-vdd-cpu-cv": Component.CPU,
                "jetson-vin-sys-5v0": Component.BOARD,
                "jetson-vddq-vdd2-1v8ao": Component.RAM,
            },
        ),
        (
            NANO,
            {
                "jetson-pom-5v-in": Component.BOARD,
                "jetson-pom-5v-gpu": Component.GPU,
                "jetson-pom-5v-cpu": Component.CPU,
            },
        ),
    ],
)
def test_a_label_tells_what_a_rail_feeds(
    tmp_path: Path,
    rails: dict[str, tuple[int, int]],
    components: dict[str, Component],
) -> None:
    place_jetson(tmp_path, rails)
    channels = by_name(search(tmp_path))
    assert {name: channel.component for name, channel in channels.items()} == components


def test_the_older_driver_s_rails_show_their_power(tmp_path: Path) -> None:
    place_older_jetson(tmp_path, NANO)
    shown = {name: reading.value for name, reading in readings(search(tmp_path)).items()}
    assert shown["jetson-pom-5v-gpu"] == pytest.approx(2.0)
    assert len(shown) == 3


def test_a_jetson_is_measured_without_a_word_of_a_missing_gpu(tmp_path: Path) -> None:
    place_jetson(tmp_path, ORIN_NANO)
    found = discover(tmp_path, {}, ManualClock())
    cover = choose_cover(found.channels, by_name(found), found.refusals)
    assert cover.missing == ()
    assert not any(r.present for r in found.refusals if r.component is Component.GPU)


def test_the_rails_do_not_show_a_graphics_card_beside_the_chip(tmp_path: Path) -> None:
    place_jetson(tmp_path, ORIN_NANO)
    assert search(tmp_path).covered == {Component.CPU, Component.GPU}
    place_pci_device(tmp_path, "0005:01:00.0", "0x10de", "0x030000")
    assert search(tmp_path).covered == {Component.CPU}


def test_a_jetson_without_rails_has_a_gpu_that_is_unknown(tmp_path: Path) -> None:
    place_jetson(tmp_path, {})
    found = discover(tmp_path, {}, ManualClock())
    cover = choose_cover(found.channels, by_name(found), found.refusals)
    assert cover.missing == (Component.GPU,)
    (gpu,) = (r for r in found.refusals if r.component is Component.GPU and r.present)
    assert "Jetson" in gpu.reason
    assert gpu.remedy == "sudo modprobe ina3221"


def test_a_rail_that_cannot_be_read_makes_the_chip_partial(tmp_path: Path) -> None:
    chip = place_jetson(tmp_path, AGX_ORIN)
    (chip / "curr2_input").write_text("")
    found = search(tmp_path)
    cover = choose_cover(found.channels, by_name(found), found.refusals)
    assert cover.partial == ("jetson-vdd-cpu-cv",)


@pytest.mark.parametrize("shown", ["", "many", "-900", "9" * 63, "1e3", "٣"])
def test_a_current_that_cannot_be_right_is_a_failure_until_it_is_one_again(
    tmp_path: Path, shown: str
) -> None:
    chip = place_jetson(tmp_path, ORIN_NANO)
    found = search(tmp_path)
    (chip / "curr1_input").write_text(shown)
    assert isinstance(readings(found)["jetson-vdd-in"].value, Failure)
    assert readings(found)["jetson-vdd-soc"].value == pytest.approx(1.5)
    (chip / "curr1_input").write_text("1000\n")
    assert readings(found)["jetson-vdd-in"].value == pytest.approx(5.0)


def test_a_rail_at_rest_may_show_the_offset_of_its_sensor(tmp_path: Path) -> None:
    chip = place_jetson(tmp_path, ORIN_NANO)
    found = search(tmp_path)
    (chip / "curr1_input").write_text("-8\n")
    assert readings(found)["jetson-vdd-in"].value == 0.0


def test_a_rail_switched_off_or_not_connected_is_no_rail(tmp_path: Path) -> None:
    chip = place_jetson(tmp_path, ORIN_NANO)
    (chip / "in2_enable").write_text("0\n")
    (chip / "in3_label").write_text("NC\n")
    assert [*by_name(search(tmp_path))] == ["jetson-vdd-in"]


def test_the_offset_follows_the_shunt_and_every_number_can_be_written(tmp_path: Path) -> None:
    chip = place_jetson(tmp_path, ORIN_NANO)
    (chip / "shunt1_resistor").write_text("20000\n")
    (chip / "update_interval").write_text("66\n")
    channels = by_name(search(tmp_path))
    assert channels["jetson-vdd-in"].offset_error_w == pytest.approx(0.02)
    assert channels["jetson-vdd-soc"].offset_error_w == pytest.approx(0.08)
    assert channels["jetson-vdd-in"].refresh_s == pytest.approx(0.066)
    assert channels["jetson-vdd-in"].window_s == pytest.approx(0.011)
    for channel in channels.values():
        described = json.loads(json_text(json.loads(channel.to_json())))
        assert Channel.from_mapping(described) == channel
