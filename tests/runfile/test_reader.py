"""Single files: whole, cut short, locked and damaged."""

import contextlib
import fcntl
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.errors import NotARunError, RunFileError
from effmeter.recorded.reading import read_run
from effmeter.runfile.format import (
    COLUMNS,
    FORMAT_VERSION,
    Column,
    Event,
)
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.reader import conform, read_metadata, read_part, read_rows
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata


def write_three_batches(path: Path) -> RunFile:
    channel = counter()
    file = RunFile(path, metadata(channels=(channel,)))
    for second in range(3):
        file.count("cpu0", every(0.1, second, second + 0.9), 10.0)
        file.flush()
    file.end(3.0)
    return file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[tuple[int, int]]]:
    """A finished file of three batches and an end: its bytes, and where its batches end."""
    file = write_three_batches(tmp_path_factory.mktemp("whole") / "run.arrow")
    return file.path.read_bytes(), file.batches


def test_whole_file_gives_all_rows_and_is_finished(tmp_path: Path) -> None:
    part = read_part(write_three_batches(tmp_path / "run.arrow").path)
    assert part.finished
    assert part.row_count == 31
    assert part.series("cpu0", "energy_j").times_ns[0] == at(0)


@given(cut=st.floats(0, 1))
def test_any_truncation_yields_a_prefix_of_the_rows(
    whole: tuple[bytes, list[tuple[int, int]]],
    tmp_path_factory: pytest.TempPathFactory,
    cut: float,
) -> None:
    data, batches = whole
    size = int(cut * len(data))
    path = tmp_path_factory.mktemp("cut") / "run.arrow"
    path.write_bytes(data[:size])
    expected = max((rows for end, rows in batches if end <= size), default=0)
    assert numbers_recovered(path) == list(range(expected))


def numbers_recovered(path: Path) -> list[int]:
    """The numbers of the rows that can be read; none where the file holds no whole row."""
    with contextlib.suppress(RunFileError):
        return [int(number) for number in read_rows(path)["seq"].to_pylist()]
    return []


def test_truncation_at_each_batch_gives_that_many_rows(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    path = tmp_path / "run.arrow"
    for end, rows in batches:
        for size, expected in ((end, rows), (end - 1, rows - _last_batch(batches, rows))):
            path.write_bytes(data[:size])
            assert read_part(path).row_count == expected


def _last_batch(batches: list[tuple[int, int]], rows: int) -> int:
    before = [r for _, r in batches if r < rows]
    return rows - (before[-1] if before else 0)


def test_zeros_after_the_last_batch_are_no_rows(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    end, rows = batches[1]
    path = tmp_path / "run.arrow"
    path.write_bytes(data[:end] + bytes(5000))
    assert read_part(path).row_count == rows


def test_garbage_within_a_batch_ends_the_rows_before_it(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    (end, rows), (after, _) = batches[0], batches[1]
    path = tmp_path / "run.arrow"
    path.write_bytes(data[:end] + bytes([0xA5]) * (after - end))
    assert read_part(path).row_count == rows


def test_rows_come_in_order_of_time_then_number(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.event(2.0, Event.NOTE, name="second")
        file.event(1.0, Event.NOTE, name="first")
        file.event(2.0, Event.NOTE, name="third")
    names = [event.name for event in read_part(file.path).events(0)]
    assert names == ["first", "second", "third"]


def test_file_that_a_recorder_holds_is_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path) as file:
        file.event(1.0, Event.NOTE, name="so far")
        file.kill()
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert read_run(path).status == "recording"
    assert read_run(path).status == "interrupted"


def test_reading_leaves_a_recording_locked(tmp_path: Path) -> None:
    file = write_three_batches(tmp_path / "run.arrow")
    with file.path.open("r+b") as held, file.path.open("rb") as other:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert read_part(file.path).recording
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_polars_reads_a_run_with_a_channel_that_appeared_half_way(tmp_path: Path) -> None:
    import polars as pl

    with RunFile(tmp_path / "run.arrow") as file:
        file.count("cpu0", every(0.1, 0, 1), 10.0)
        file.flush()
        file.introduce(1.0, counter("late"), 5.0)
        file.count("late", every(0.1, 1, 2), 10.0)
    frame = pl.read_ipc(file.path)
    assert frame.filter(pl.col("channel") == "late").height == 12


# Damage


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def middle_of(batches: list[tuple[int, int]], number: int) -> int:
    """A byte in the middle of a batch; they count from 1."""
    return (batches[number - 2][0] + batches[number - 1][0]) // 2


def test_a_damaged_batch_is_named_and_the_rest_is_read(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    path = tmp_path / "run.arrow"
    path.write_bytes(flipped(data, middle_of(batches, 2)))
    part = read_part(path)
    assert [str(damage) for damage in part.damages] == ["damaged: batch 2 of 4, 1.1 s"]
    assert read_rows(path)["seq"].to_pylist() == [*range(10), *range(20, 31)]
    assert part.finished
    run = read_run(path)
    assert run.status == "completed"
    assert run.warnings == ("damaged: batch 2 of 4, 1.1 s",)
    assert [(gap.begin_ns, gap.end_ns) for gap in run.gaps] == [(at(0.9), at(2.0))]


def test_a_late_row_does_not_end_the_stretch_that_a_damaged_batch_leaves(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        for second in range(3):
            file.count("cpu0", every(0.1, second, second + 0.9), 10.0)
            if second == 2:
                file.event(0.5, Event.GAP, channel="cpu0", id=1, value=0.0, duration_s=1.5)
            file.flush()
    path.write_bytes(flipped(path.read_bytes(), middle_of(file.batches, 2)))
    (damage,) = read_part(path).damages
    assert (damage.begin_ns, damage.end_ns) == (at(0.9), at(2.0))
    assert str(damage) == "damaged: batch 2 of 3, 1.1 s"


def test_after_damage_that_only_late_rows_follow_the_end_of_the_stretch_is_unknown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path) as file:
        for time_s in (1.0, 2.0, 0.5):
            file.event(time_s, Event.NOTE, name="so far")
            file.flush()
    path.write_bytes(flipped(path.read_bytes(), middle_of(file.batches, 2)))
    (damage,) = read_part(path).damages
    assert (damage.begin_ns, damage.end_ns) == (at(1.0), None)


def test_a_damaged_batch_of_a_killed_writer_is_named_too(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    path = tmp_path / "run.arrow"
    path.write_bytes(flipped(data, middle_of(batches, 2))[: batches[2][0]])
    part = read_part(path)
    assert [str(damage) for damage in part.damages] == ["damaged: batch 2 of 3, 1.1 s"]
    assert not part.finished


def test_a_run_whose_last_batch_is_damaged_does_not_pass_for_interrupted(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, batches = whole
    path = tmp_path / "run.arrow"
    path.write_bytes(flipped(data, middle_of(batches, 4)))
    run = read_run(path)
    assert str(run.detailed_status) == "unknown: the end of the file is damaged"
    assert run.warnings == ("damaged: batch 4 of 4, and nothing follows",)


def test_a_damaged_footer_costs_no_rows(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path
) -> None:
    data, _ = whole
    path = tmp_path / "run.arrow"
    path.write_bytes(flipped(data, len(data) - 100))
    part = read_part(path)
    assert part.row_count == 31
    assert [str(damage) for damage in part.damages] == ["damaged: bytes that belong to no batch"]
    assert read_run(path).status == "completed"


@pytest.mark.parametrize("place", [3, 10, 40, 500])
def test_a_damaged_beginning_is_one_clear_error(
    whole: tuple[bytes, list[tuple[int, int]]], tmp_path: Path, place: int
) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(flipped(whole[0], place))
    for read in (read_part, read_metadata, read_run):
        with pytest.raises(RunFileError, match=r"run\.arrow is damaged at its beginning"):
            read(path)


@given(data=st.data())
def test_a_changed_byte_never_changes_a_row(
    whole: tuple[bytes, list[tuple[int, int]]],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    intact, _ = whole
    path = tmp_path_factory.mktemp("changed") / "run.arrow"
    path.write_bytes(intact)
    rows = {row["seq"]: row for row in read_rows(path).to_pylist()}
    path.write_bytes(flipped(intact, data.draw(st.integers(0, len(intact) - 1))))
    with contextlib.suppress(RunFileError):
        part = read_part(path)
        assert all(rows[row["seq"]] == row for row in read_rows(path).to_pylist())
        assert part.damages


def test_a_gauge_is_bounded_by_its_device_where_a_batch_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(gauge(max_power_w=700.0), counter()))) as file:
        for second in range(4):
            file.show("gpu0-power", every(0.1, second, second + 0.9), 100.0)
            for time_s in every(0.1, second, second + 0.9):
                file.row(time_s, channel="cpu0", energy_j=10.0 * time_s)
            file.flush()
    before = read_run(path)
    path.write_bytes(flipped(path.read_bytes(), middle_of(file.batches, 3)))
    after = read_run(path)
    window = (at(1), at(3.5))
    known, bounded = (run.channel_energy("gpu0-power", *window) for run in (before, after))
    assert known is not None
    assert bounded is not None
    assert bounded.high_j > known.high_j + 0.9 * 500
    known, still = (run.channel_energy("cpu0", *window) for run in (before, after))
    assert known is not None
    assert still is not None
    assert still.value_j == pytest.approx(known.value_j)


def write_zeros(path: Path, rows: int, batches: int = 1) -> None:
    """Batches that compress to almost nothing."""
    with path.open("wb") as sink:
        file = FramedFile(sink.write, metadata())
        zeros = pa.array(np.zeros(rows, np.int64))
        given = {"time": zeros.cast(file.schema.field("time").type), "seq": zeros}
        arrays = [given.get(f.name, pa.nulls(rows, f.type)) for f in file.schema]
        batch = pa.RecordBatch.from_arrays(arrays, schema=file.schema)
        for _ in range(batches):
            file.write_batch(batch)
        file.close()


def test_a_batch_that_would_unfold_beyond_all_measure_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    write_zeros(path, 3_500_000)
    assert path.stat().st_size < 2**18
    part = read_part(path)
    assert (part.row_count, str(part.damages[0])) == (
        0,
        "damaged: batch 1 of 1, and nothing follows",
    )


def test_a_file_that_would_unfold_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    write_zeros(path, 100_000, batches=3)
    with pytest.raises(RunFileError, match="unfold to far more than recordings do"):
        read_part(path)


@pytest.mark.parametrize(
    "changed", [{"time": 2**62}, {"time": -(2**63)}, {"time": None}, {"seq": None}]
)
def test_a_batch_with_a_row_at_no_moment_is_damaged(
    tmp_path: Path, changed: dict[str, int | None]
) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path) as file:
        file.event(1.0, Event.NOTE, name="so far")
        file.flush()
        file.row(2.0, **changed)
    part = read_part(path)
    assert [str(damage) for damage in part.damages] == [
        "damaged: batch 2 of 2, and nothing follows"
    ]
    assert part.row_count == 1


def test_a_file_name_that_is_no_text_is_read(tmp_path: Path) -> None:
    path = write_three_batches(tmp_path / os.fsdecode(b"r\xe9.arrow")).path
    assert read_part(path).row_count == 31


def test_a_damaged_file_of_format_1_is_read_where_it_can_be(tmp_path: Path) -> None:
    data = (Path(__file__).parents[1] / "golden" / "run-v1.arrow").read_bytes()
    zstd = data.index(b"\x28\xb5\x2f\xfd", len(data) // 2)
    path = tmp_path / "old.arrow"
    path.write_bytes(data[:zstd] + bytes(40) + data[zstd + 40 :])
    part = read_part(path)
    assert part.finished
    assert part.row_count > 0
    assert str(part.damages[0]).startswith("damaged: batch ")


# Columns


def test_a_column_of_a_later_format_is_null_in_an_older_file(tmp_path: Path) -> None:
    rows = read_rows(write_three_batches(tmp_path / "run.arrow").path)
    later = {**COLUMNS, "later": Column("float64", since=FORMAT_VERSION + 1)}
    described = rows.replace_schema_metadata(metadata().to_arrow())
    assert conform(described, later)["later"].null_count == rows.num_rows


def test_a_column_of_the_same_format_is_demanded(tmp_path: Path) -> None:
    rows = read_rows(write_three_batches(tmp_path / "run.arrow").path)
    described = rows.replace_schema_metadata(metadata().to_arrow())
    with pytest.raises(NotARunError, match="lacks the column later"):
        conform(described, {**COLUMNS, "later": Column("float64", since=FORMAT_VERSION)})


def test_a_column_that_this_version_does_not_know_is_passed_over(tmp_path: Path) -> None:
    columns = {**COLUMNS, "later": Column("float64")}
    path = tmp_path / "run.arrow"
    with path.open("wb") as sink:
        file = FramedFile(sink.write, metadata(), columns)
        row = {name: [None] for name in columns} | {"time": [1], "seq": [0], "later": [0.5]}
        file.write_batch(pa.RecordBatch.from_pydict(row, schema=file.schema))
        file.close()
    rows = read_rows(path)
    assert (rows.column_names, rows.num_rows) == (list(COLUMNS), 1)


# What is no run
