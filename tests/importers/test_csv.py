"""Tables of several makes become runs of known energy; what they leave open names its option."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effmeter.channel import Component, Kind
from effmeter.errors import EffmeterError, LogError, UsageError
from effmeter.importers.csv import CsvOptions, csv_log
from effmeter.importers.csv_columns import ColumnChoice
from effmeter.importers.meters import MeterFacts
from effmeter.importers.options import ImportOptions
from effmeter.importers.run_files import write_run
from effmeter.importers.timestamps import TimeReader, zone_named
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun

BEGIN_S = 1_700_000_000
SECONDS = range(0, 61, 2)
POWER_W = 1500
ENERGY_J = POWER_W * 60
UTC = TimeReader(zone=zone_named("UTC"))
UTC_OPTIONS = CsvOptions(times=UTC)


def imported(
    tmp_path: Path, text: str, options: CsvOptions | None = None, **more: Any
) -> dict[str, RecordedRun]:
    """The runs of a table by host."""
    table = tmp_path / "meter.csv"
    table.write_text(text)
    log = csv_log(table, options or CsvOptions())
    files = write_run(log, ImportOptions(**more), lambda host: tmp_path / f"{host}.arrow")
    return {file.host: read_run(file.path) for file in files}


def energy_j(run: RecordedRun) -> float:
    energy = run.energy()
    assert energy is not None
    assert energy.low_j <= energy.value_j <= energy.high_j
    return energy.value_j


def lines(heading: str, row: str) -> str:
    """A table with a row for each reading: ``{s}`` seconds since 1970, ``{n}`` since the start."""
    rows = (row.format(s=BEGIN_S + n, n=n, wh=POWER_W * n / 3600) for n in SECONDS)
    return "\n".join([heading, *rows, ""])


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (lines("time,power_w", "{s},1500"), CsvOptions()),
        (lines("timestamp,watts", "{s}000,1500.0"), CsvOptions()),
        (lines("ts;Power [kW]", "{s}000000000;1.5"), CsvOptions()),
        (lines("ts;Power [kW]", "{s};1,5"), CsvOptions(has_decimal_comma=True)),
        (lines("time\tpower", "{s}\t1500 W"), CsvOptions()),
        (lines("time,load", "{s},1.5"), CsvOptions(ColumnChoice(unit="kW"))),
        (lines("time_s,watts", "{n},1500"), CsvOptions(times=TimeReader(begin_ns=BEGIN_S * 10**9))),
        (lines("time,energy_wh", "{s},{wh:.4f}"), CsvOptions()),
        (lines("time,joules", "{s},3000"), CsvOptions(is_interval=True)),
        (lines("when,what", "{s},1500"), CsvOptions(ColumnChoice("when", ("what",), unit="W"))),
    ],
)
def test_every_way_to_write_the_same_power_gives_the_same_energy(
    tmp_path: Path, text: str, options: CsvOptions
) -> None:
    (run,) = imported(tmp_path, text, options).values()
    assert energy_j(run) == pytest.approx(ENERGY_J, rel=0.001)
    assert run.duration_s == pytest.approx(60)
    assert run.metadata.started_wall_ns == BEGIN_S * 10**9
    assert run.metadata.host == {"name": "meter"}


def test_the_log_of_a_vendor_s_tool_is_read_as_it_is(tmp_path: Path) -> None:
    rows = [
        f"2024/05/09 12:22:{n:02}.250, {gpu}, {100 * (gpu + 1)}.50 W"
        for n in range(0, 60, 2)
        for gpu in (0, 1)
    ]
    rows[8] = rows[8].rpartition(",")[0] + ", [N/A]"
    text = "\n".join(["timestamp, index, power.draw [W]", *rows])
    facts = MeterFacts(Component.GPU, accuracy_fraction=0.05)
    (run,) = imported(tmp_path, text, CsvOptions(times=UTC), facts=facts).values()
    assert run.breakdown().cover.names == ("gpu0", "gpu1")
    assert energy_j(run) == pytest.approx((100.5 + 200.5) * 58, rel=0.01)
    energy = run.energy()
    assert energy is not None
    assert energy.systematic_j == pytest.approx(0.05 * energy.value_j)


def test_hosts_are_files_of_one_job(tmp_path: Path) -> None:
    text = lines("time,host,power_w", "{s},a,1500\n{s},b,500")
    runs = imported(tmp_path, text)
    assert {host: energy_j(run) for host, run in runs.items()} == pytest.approx(
        {"a": ENERGY_J, "b": ENERGY_J / 3}
    )
    assert len({run.metadata.job["id"] for run in runs.values()}) == 1


def test_wall_meters_of_one_host_add_up_only_where_they_are_feeds(tmp_path: Path) -> None:
    text = lines("time,psu1_w,psu2_w", "{s},1000,500")
    options = CsvOptions(ColumnChoice(values=("psu1_w", "psu2_w")))
    with pytest.raises(UsageError, match=r"several wall meters \(psu1, psu2\): add --feeds"):
        imported(tmp_path, text, options)
    (run,) = imported(tmp_path, text, options, has_feeds=True).values()
    assert energy_j(run) == pytest.approx(ENERGY_J)
    assert run.breakdown().cover.names == ("wall-psu1", "wall-psu2")


def test_a_count_that_is_reset_is_a_gap(tmp_path: Path) -> None:
    counts = [*range(1000, 31000, 1000), 500, *range(1500, 30500, 1000)]
    text = "time,joules\n" + "".join(f"{BEGIN_S + n},{j}\n" for n, j in enumerate(counts))
    (run,) = imported(tmp_path, text, CsvOptions(is_interval=False)).values()
    assert run.channels["wall"].kind is Kind.COUNTER
    (gap,) = run.gaps
    assert (gap.reason, gap.end_ns - gap.begin_ns) == ("the meter was reset", 10**9)
    assert energy_j(run) == pytest.approx(59_000, rel=0.02)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("time,power_w\n2024-05-09 12:00:00,5\n", "line 2: .*--timezone"),
        ("time,power_w\n1.5,5\n", "line 2: .*--time-unit"),
        ("time,power\n1700000000,5\n", "state a unit: add --unit"),
        ("time,power_mw\n1700000000,5\n", "'mw' is no unit"),
        ("time,power_w,watts\n1700000000,5,5\n", "power_w, watts may each.*--value-column"),
        ("when,power_w\n1700000000,5\n", r"names the time \(its first line: when, power_w\)"),
        ("time,joules\n1700000000,5\n", "--energy cumulative or --energy interval"),
    ],
)
def test_what_a_table_leaves_open_is_a_usage_mistake(
    tmp_path: Path, text: str, remedy: str
) -> None:
    with pytest.raises(UsageError, match=remedy):
        imported(tmp_path, text)
    assert list(tmp_path.glob("*.arrow")) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("time,power_w\n", "holds no reading"),
        ("1700000000,5\n", "line 1: it names no columns"),
        ("time,power_w\n1700000000,5\n1700000002\n", "line 3: it ends before its cell 2"),
        ("time,power_w\n1700000000,5\n1700000002,high\n", "line 3: 'high' is no number"),
        ("time,power_w\n1700000000,5\n1700000002,-5\n", "line 3: '-5' is no power"),
        ("time,power_w\n1700000002,5\n1700000000,5\n", "line 3: its time is before"),
        ("time,power_w\n1700000000,5 J\n", "line 2: '5 J' is not in W"),
        ("time,power_w\n1700000000,1e300\n", "line 2: '1e300' is no power"),
        ('time,power_w\n"1700000000,5\n', "line 2: "),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(EffmeterError, match=reason) as raised:
        imported(tmp_path, text)
    assert isinstance(raised.value, LogError)
    assert list(tmp_path.glob("*.arrow")) == []


def test_a_name_that_is_no_column_names_those_there_are(tmp_path: Path) -> None:
    options = CsvOptions(ColumnChoice(host="rack"))
    with pytest.raises(UsageError, match="no column is called 'rack'; there are: time, watts"):
        imported(tmp_path, lines("time,watts", "{s},5"), options)


NUMBERS = (
    "1700000000",
    "1700000001",
    "5",
    "-1",
    "1e308",
    "9" * 30,
    "nan",
    "5 kW",
    "=1+1",
    "\u00b5W",
)
TEXTS = ("time", "power [W]", "joules", "host", "2024-05-09T12:00:00Z", "N/A", '"', "", "\x00")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from((*NUMBERS, *TEXTS)), min_size=1, max_size=4), max_size=6))
def test_whatever_a_table_holds_it_is_a_run_or_one_line(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    text = "\n".join(map(",".join, [["time", "watts", "host"], *rows]))
    try:
        runs = imported(tmp_path, text, UTC_OPTIONS)
    except EffmeterError as error:
        runs = {}
        lines_of_error = str(error).splitlines()
    else:
        lines_of_error = [""]
    assert len(lines_of_error) == 1
    for run in runs.values():
        run.energy()
        run.recording.paths[0].unlink()
