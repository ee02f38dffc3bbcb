"""The line of a device whose conditions changed."""

from pathlib import Path
from typing import Any

from effmeter.channel import Component
from effmeter.recorded.reading import read_run
from effmeter.report.conditions_text import condition_lines
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, counter, every, metadata

Row = tuple[float, str, dict[str, Any]]


def lines(folder: Path, *rows: Row, device: str = "gpu0") -> dict[str, str]:
    channels = (counter("gpu0", Component.GPU), counter("cpu0"))
    with RunFile(folder / "run.arrow", metadata(channels=channels)) as file:
        for channel in channels:
            file.count(channel.name, every(1.0, 0, 100), 100.0)
        for time_s, name, columns in rows:
            file.event(time_s, Event.CONDITION, channel=device, name=name, **columns)
        file.end(100.0)
    run = read_run(file.path)
    return dict(condition_lines(run, run.breakdown().cover))


def value(time_s: float, name: str, number: float, text: str | None = None) -> Row:
    return time_s, name, {"value": number, "text": text}


def test_conditions_that_stay_are_not_mentioned(tmp_path: Path) -> None:
    steady = [value(0, "power_limit_w", 700.0), value(0, "clock_hz", 2e9)]
    steady += [value(100, "clock_hz", 2e9), value(0, "throttled_fraction", 0.0, "power limit")]
    assert lines(tmp_path, *steady, value(100, "throttled_fraction", 0.0, "power limit")) == {}


def test_what_changed_stands_on_the_line_of_its_device(tmp_path: Path) -> None:
    rows = [
        value(0, "clock_hz", 0.3e9),
        value(50, "clock_hz", 1.98e9),
        value(100, "clock_hz", 1.41e9),
        value(0, "power_limit_w", 700.0),
        value(12, "power_limit_w", 400.0),
        value(0, "temperature_c", 30.0),
        value(50, "temperature_c", 52.4),
        value(100, "temperature_c", 78.2),
        value(0, "throttled_fraction", 0.0, "power limit"),
        value(100, "throttled_fraction", 0.12, "power limit"),
    ]
    assert lines(tmp_path, *rows) == {
        "gpu0": "clock 1.41 GHz to 1.98 GHz, 1.70 GHz on average; "
        "power limit 700 W -> 400 W at 12 s; 52 to 78 °C; "
        "throttled: power limit 12 % of the time"
    }


def test_many_changes_are_counted(tmp_path: Path) -> None:
    rows: list[Row] = [
        (float(number), "governor", {"text": ("powersave", "performance")[number % 2]})
        for number in range(6)
    ]
    assert lines(tmp_path, *rows, device="cpu") == {
        "cpu": "governor powersave -> performance at 1 s -> powersave at 2 s "
        "-> performance at 3 s, and 2 more changes"
    }


def test_a_device_that_the_total_does_not_sum_has_no_line(tmp_path: Path) -> None:
    rows = [value(0, "boost", 1.0), value(5, "boost", 0.0)]
    assert lines(tmp_path, *rows, device="gpu1") == {}
    assert lines(tmp_path / "", *rows, device="cpu0") == {"cpu0": "boost on -> off at 5 s"}
