import pytest

from effmeter.channel import Component
from effmeter.probes.amd.chips import Chip


@pytest.mark.parametrize(
    ("model", "number", "has_two_dies"),
    [
        ("AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", 0x7408, True),
        ("AMD INSTINCT MI250 (MCM) OAM AC MBA", 0x740C, True),
        ("AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", 0, True),
        ("AMD Instinct MI250X", 0, True),
        ("AMD Instinct MI210", 0x740F, False),
        ("called MI250 by its vendor", 0x73DF, False),
        ("", 0, False),
    ],
)
def test_the_number_of_a_chip_decides_and_its_name_only_without_one(
    model: str, number: int, has_two_dies: bool
) -> None:
    chip = Chip(model, number)
    assert chip.has_two_dies is has_two_dies
    assert chip.component is Component.GPU
    assert bool(chip.scope) is has_two_dies


@pytest.mark.parametrize(("model", "number"), [("", 0x74A0), ("AMD Instinct MI300A", 0)])
def test_the_socket_of_an_mi300a_holds_processor_cores(model: str, number: int) -> None:
    chip = Chip(model, number)
    assert chip.component is Component.SOC
    assert "processor cores" in chip.scope


def test_an_mi300x_is_a_gpu() -> None:
    assert Chip("AMD Instinct MI300X", 0x74A1).component is Component.GPU
