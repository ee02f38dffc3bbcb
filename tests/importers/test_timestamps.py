"""Every way to write one moment gives that moment; what leaves it open names the option."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from effmeter.errors import UsageError
from effmeter.importers.timestamps import TimeReader, zone_named

MOMENT_NS = 1_715_257_320_207_000_000
DUBLIN = ZoneInfo("Europe/Dublin")


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ("1715257320.207", TimeReader()),
        ("1715257320207", TimeReader()),
        ("1715257320207000", TimeReader()),
        ("1715257320207000000", TimeReader()),
        ("1715257320207.000", TimeReader(unit="ms")),
        ("2024-05-09T12:22:00.207Z", TimeReader()),
        ("2024-05-09 12:22:00.207+00:00", TimeReader()),
        ("2024/05/09 12:22:00.207", TimeReader(zone=UTC)),
        ("2024-05-09T13:22:00.207", TimeReader(zone=DUBLIN)),
        ("2024-05-09T14:22:00.207+02:00", TimeReader(zone=DUBLIN)),
        ("20.207", TimeReader(unit="s", begin_ns=MOMENT_NS - 20_207_000_000)),
        (" -1.5 ", TimeReader(unit="ms", begin_ns=MOMENT_NS + 1_500_000)),
    ],
)
def test_a_moment_is_the_same_however_it_is_written(text: str, reader: TimeReader) -> None:
    assert reader.time_ns(text) == MOMENT_NS


@pytest.mark.parametrize(
    ("text", "reader", "remedy"),
    [
        ("2024-05-09T12:22:00", TimeReader(), "--timezone"),
        ("2024-10-27 01:30:00", TimeReader(zone=DUBLIN), "the hour in which the clock"),
        ("12.5", TimeReader(), "--time-unit.*--begin"),
        ("12.5", TimeReader(unit="s"), "--time-unit.*--begin"),
        ("1715257320207", TimeReader(unit="s"), "counts no s since 1970"),
        ("12.5", TimeReader(begin_ns=5), "--time-unit"),
        ("05/09/2024 12:22", TimeReader(zone=UTC), "write ISO 8601"),
        ("2024-13-09 12:22:00", TimeReader(zone=UTC), "no time of ISO 8601"),
        ("", TimeReader(), "is no time"),
        ("2999-01-01T00:00:00Z", TimeReader(), "between 1970 and 2116"),
        ("9999999999999999999", TimeReader(unit="s", begin_ns=0), "between 1970 and 2116"),
    ],
)
def test_what_leaves_a_moment_open_names_the_remedy(
    text: str, reader: TimeReader, remedy: str
) -> None:
    with pytest.raises(ValueError, match=remedy):
        reader.time_ns(text)


def test_zones_have_names_and_offsets() -> None:
    assert zone_named("utc") is UTC
    assert zone_named("-02:30") == timezone(-timedelta(hours=2, minutes=30))
    assert zone_named("Europe/Dublin") == DUBLIN
    for text in ("Mars/Base", "+99:00", "../etc/passwd", ""):
        with pytest.raises(UsageError, match="is no time zone"):
            zone_named(text)
