import os
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.probes.base import Failure
from effmeter.probes.meter_files import (
    FileMeter,
    Meter,
    MeterProbe,
    NumberFile,
    VoltageTimesCurrent,
    readable,
)
from tests.simulated.clock import ManualClock


def channel(kind: Kind, name: str = "x") -> Channel:
    return Channel(name, Component.BOARD, kind, Provenance.MEASURED, f"/{name}", 0.1)


@pytest.mark.parametrize(
    "shown", ["", "\n", "1 2", "1e6", "0x10", "1_000", "+5", "nan", "٣", "-", "9" * 21, "1" * 64]
)
def test_only_a_whole_number_is_read(tmp_path: Path, shown: str) -> None:
    path = tmp_path / "file"
    path.write_text(shown)
    with pytest.raises(ValueError, match="a number"):
        NumberFile(path).read()
    path.write_text(" 17 \n")
    assert NumberFile(path).read() == 17


def test_a_file_is_opened_again_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1\n")
    file = NumberFile(path)
    assert file.read() == 1
    path.write_text("")
    with pytest.raises(ValueError, match="a number"):
        file.read()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        file.read()
    path.write_text("2\n")
    assert file.read() == 2
    file.close()
    file.close()


@pytest.mark.parametrize(
    ("kind", "shown", "value"),
    [
        (Kind.COUNTER, "0", 0),
        (Kind.COUNTER, str(2**63 - 1), 2**63 - 1),
        (Kind.COUNTER, str(2**63), None),
        (Kind.COUNTER, "-1", None),
        (Kind.GAUGE, "2500000", 2.5),
        (Kind.GAUGE, "-1", None),
        (Kind.GAUGE, "1000000000000", None),
    ],
)
def test_a_count_and_a_power_have_their_bounds(
    tmp_path: Path, kind: Kind, shown: str, value: float | None
) -> None:
    path = tmp_path / "file"
    path.write_text(shown)
    probe = MeterProbe("files", [FileMeter(channel(kind), path)], 0.1, ManualClock())
    (reading,) = probe.read()
    if value is None:
        assert isinstance(reading.value, Failure)
    else:
        assert reading.value == pytest.approx(value)
    probe.close()


def test_a_meter_that_must_rest_is_not_read(tmp_path: Path) -> None:
    resting = Failure("asleep")
    meter = FileMeter(channel(Kind.GAUGE), tmp_path / "missing")
    probe = MeterProbe("files", [meter], 0.1, ManualClock(), lambda _: resting)
    assert [reading.value for reading in probe.read()] == [resting]


def test_the_meters_that_give_a_figure_are_kept_and_no_file_of_the_others_stays_open(
    tmp_path: Path,
) -> None:
    for name, text in (("good", "5000"), ("empty", ""), ("current", "junk")):
        (tmp_path / name).write_text(text)
    meters: list[Meter] = [
        FileMeter(channel(Kind.GAUGE, "good"), tmp_path / "good"),
        FileMeter(channel(Kind.GAUGE, "empty"), tmp_path / "empty"),
        VoltageTimesCurrent(channel(Kind.GAUGE, "rail"), tmp_path / "good", tmp_path / "current"),
    ]
    open_before = len(os.listdir("/dev/fd"))
    kept, refusals = readable(meters, lambda c, e: Refusal(c.name, c.component, str(e)))
    assert [meter.channel.name for meter in kept] == ["good"]
    assert [refusal.source for refusal in refusals] == ["empty", "rail"]
    assert len(os.listdir("/dev/fd")) == open_before + 1
    kept[0].close()
