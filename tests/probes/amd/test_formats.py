import pytest

from effmeter.probes.amd.command import document_in
from effmeter.probes.amd.formats import Printed, parse_amd_smi, parse_rocm_smi
from effmeter.probes.amd.gpu import number, watts, whole_count


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        (35, 35.0),
        (35.5, 35.5),
        ("35.0", 35.0),
        ("35 W", 35.0),
        ("1.004 J", 1.004),
        ("35000 mW", 35.0),
        ({"value": 35, "unit": "W"}, 35.0),
        ({"value": "N/A", "unit": "W"}, None),
        ("N/A", None),
        ("N/A (Secondary die)", None),
        ("", None),
        (None, None),
        (True, None),
        ([35], None),
        (-1, None),
        (float("nan"), None),
        (0xFFFF, None),
        (0xFFFFFFFF, None),
        (2**64 - 1, None),
        (0, 0.0),
    ],
)
def test_a_figure_is_read_in_every_shape_and_nothing_else_is_one(
    shown: object, value: float | None
) -> None:
    assert number(shown) == value


@pytest.mark.parametrize(
    ("shown", "count"),
    [
        (65628, 65628),
        ("62929744071539", 62_929_744_071_539),
        (2**53 + 1, 2**53 + 1),
        (0xFFFF, 0xFFFF),
        (2**64 - 1, None),
        (str(2**64 - 1), None),
        ("N/A", None),
        (None, None),
        (-5, None),
        (1.5, None),
    ],
)
def test_a_count_is_exact(shown: object, count: int | None) -> None:
    assert whole_count(shown) == count


@pytest.mark.parametrize(
    ("shown", "limit_w"), [(750, 750.0), (750_000_000, 750.0), ("303.0", 303.0), (0, None)]
)
def test_a_limit_is_in_watts_or_microwatts(shown: object, limit_w: float | None) -> None:
    assert watts(shown) == limit_w


def test_rocm_smi_of_an_mi250_names_the_second_die() -> None:
    cards = parse_rocm_smi(
        {
            "card0": {
                "Average Graphics Package Power (W)": "101.0",
                "Card Series": "AMD INSTINCT MI250 (MCM) OAM AC MBA",
                "Card Model": "0x740c",
                "Energy counter": "62929744071539",
                "Accumulated Energy (uJ)": "962825096297442.9",
            },
            "card1": {
                "Average Graphics Package Power (W)": "N/A (Secondary die)",
                "Card Series": "AMD INSTINCT MI250 (MCM) OAM AC MBA",
                "Energy counter": "0",
            },
            "system": {"Driver version": "6.2.4"},
        }
    )
    assert cards[0] == Printed(
        62_929_744_071_539,
        101.0,
        model="AMD INSTINCT MI250 (MCM) OAM AC MBA",
        chip_number=0x740C,
    )
    assert cards[1].second_die
    assert cards[1].power_w is None


@pytest.mark.parametrize(
    ("name", "averaged"),
    [
        ("Average Graphics Package Power (W)", True),
        ("Current Socket Graphics Package Power (W)", False),
    ],
)
def test_rocm_smi_names_what_its_power_is(name: str, averaged: bool) -> None:
    (card,) = parse_rocm_smi({"card0": {name: "133.0"}}).values()
    assert (card.power_w, card.averaged, card.count) == (133.0, averaged, None)


@pytest.mark.parametrize(
    ("document", "power_w", "count"),
    [
        (
            [
                {
                    "gpu": 0,
                    "power": {"current_power": 35, "power_limit": 203},
                    "energy": {"total_energy_consumption": 1.004},
                }
            ],
            35.0,
            1004,
        ),
        (
            [
                {
                    "gpu": 0,
                    "power": {"socket_power": {"value": 20, "unit": "W"}},
                    "energy": {"total_energy_consumption": {"value": 1.004, "unit": "J"}},
                }
            ],
            20.0,
            1004,
        ),
        (
            {"gpu_data": [{"gpu": 0, "power": {"socket_power": "20 W"}, "energy": "N/A"}]},
            20.0,
            None,
        ),
        ([{"gpu": 0, "power": "N/A", "energy": {"total_energy_consumption": "N/A"}}], None, None),
        ([{"gpu": 0, "energy": {"total_energy_consumption": (2**64 - 1) * 15.3e-6}}], None, None),
    ],
)
def test_amd_smi_is_read_in_the_shapes_of_its_versions(
    document: object, power_w: float | None, count: int | None
) -> None:
    (gpu,) = parse_amd_smi(document).values()
    assert (gpu.power_w, gpu.count) == (power_w, count)


@pytest.mark.parametrize("document", [{}, [], None, 5, "x", {"gpu_data": None}, [{"gpu": "0"}]])
def test_a_document_of_another_kind_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="it lists no GPU"):
        parse_amd_smi(document)
    with pytest.raises(ValueError, match="it lists no card"):
        parse_rocm_smi(document)


def test_warnings_before_and_after_the_document_are_passed_over() -> None:
    assert document_in('\nWARNING: a {device} sleeps\n\n{"card0": {}}\nWARNING: more\n') == {
        "card0": {}
    }


@pytest.mark.parametrize("output", ["", "no such thing", '{"card0": {"Ener', "[1, 2", "{}}"[:1]])
def test_what_is_no_whole_document_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="no whole JSON"):
        document_in(output)
