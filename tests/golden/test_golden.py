"""A file of every format that is out stays readable, by effmeter and by other programs."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import COLUMNS, FORMAT_VERSION, Event
from tests.golden import make
from tests.runfile.writing import at

ADDED_SINCE = {
    Event.MEMORY,
    Event.CONDITION,
    Event.RUN_BEGIN,
    Event.WORK,
    Event.COMPACTED,
    Event.BLIND,
}
"""Events that came after the format was out: its older readers pass them over."""
FILES = sorted(Path(__file__).parent.glob("run-v*.arrow"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def run(golden: Path) -> RecordedRun:
    return read_run(golden)


def test_the_present_format_has_its_golden_file() -> None:
    assert f"run-v{FORMAT_VERSION}.arrow" in [path.name for path in FILES]


def test_what_is_written_today_has_the_same_rows(tmp_path: Path) -> None:
    import polars as pl

    make.write(tmp_path / "run.arrow")
    frozen = pl.read_ipc(make.FOLDER / f"run-v{FORMAT_VERSION}.arrow")
    assert pl.read_ipc(tmp_path / "run.arrow").equals(frozen)


def test_metadata_is_read_as_it_was_written(run: RecordedRun) -> None:
    # The formats did not state the least power of a package: the reader assumes it.
    channels = (replace(make.CPU, least_power_w=0.1), make.RAM)
    assert run.metadata == replace(make.METADATA, channels=channels)


def test_every_event_and_column_is_there(golden: Path) -> None:
    import polars as pl

    frame = pl.read_ipc(golden)
    assert set(frame["event"].drop_nulls()) == {str(event) for event in Event} - ADDED_SINCE
    assert frame.columns == list(COLUMNS)
    assert all(frame[name].null_count() < frame.height for name in COLUMNS)


def test_pyarrow_and_polars_see_the_same_rows(golden: Path) -> None:
    import polars as pl

    with pa.OSFile(str(golden)) as file:
        rows = pa.ipc.open_file(file).read_all()
    assert rows.num_rows == pl.read_ipc(golden).height
    assert not any(pa.types.is_dictionary(field.type) for field in rows.schema)


def test_run_is_told_as_it_was(run: RecordedRun) -> None:
    assert run.status == "completed"
    assert run.duration_s == pytest.approx(10.0)
    assert [epoch.metrics.get("accuracy") for epoch in run.epochs] == [0.25, 0.5, 0.75, None]
    assert [epoch.open for epoch in run.epochs] == [False, False, False, True]
    (span,) = run.spans
    assert (span.name, dict(span.metrics)) == ("train", {"loss": 0.125})
    assert [(gap.channel, gap.reason) for gap in run.gaps] == [("ram-estimate", "not readable")]
    assert [c.processes for c in run.contentions] == [1]
    assert [source.pid for source in run.sources] == [42]


def test_energies_are_those_of_the_constant_powers(run: RecordedRun) -> None:
    parts = {str(c.component): c.energy for c in run.breakdown(at(6), at(9)).components}
    assert parts["cpu"].value_j == pytest.approx(3 * make.CPU_W, rel=1e-6)
    assert parts["gpu"].value_j == pytest.approx(3 * make.GPU_W, rel=1e-6)
    assert parts["ram"].value_j == pytest.approx(3 * make.RAM_W, rel=1e-6)
