"""The same recording in large batches: what is read stays what it was."""

import fcntl
import stat
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.errors import NotARunError, RunFileError
from effmeter.runfile.compaction import compact
from effmeter.runfile.format import Event
from effmeter.runfile.reader import read_part, read_rows
from tests.runfile.writing import RunFile, counter, every, gauge, metadata


def write_batches(path: Path, count: int = 20) -> RunFile:
    file = RunFile(path, metadata(channels=(counter(), gauge())))
    file.introduce(0, counter(), 7.0)
    for second in range(count):
        file.count("cpu0", every(0.1, second, second + 0.9), 10.0)
        file.show("gpu0-power", every(0.1, second, second + 0.9), 100.0 + second)
        file.flush()
    return file


def damaged(path: Path, *batches: int, count: int = 20) -> Path:
    """A file with a flipped bit in the middle of each of some batches."""
    file = write_batches(path, count)
    ends = [0, *(end for end, _ in file.batches)]
    file.end(count)
    data = bytearray(path.read_bytes())
    for batch in batches:
        data[(ends[batch - 1] + ends[batch]) // 2] ^= 1
    path.write_bytes(data)
    return path


def rows_without_origin(path: Path) -> pa.Table:
    rows = read_rows(path).replace_schema_metadata(None)
    events = rows["event"].to_pylist()
    return rows.filter(pa.array([event != Event.COMPACTED for event in events]))


def assert_reads_the_same(new: Path, old: Path) -> None:
    one, other = read_part(new), read_part(old)
    assert rows_without_origin(new).equals(rows_without_origin(old))
    assert one.metadata == other.metadata
    assert (one.finished, one.damages) == (other.finished, other.damages)


def test_a_whole_file_is_smaller_and_reads_the_same(tmp_path: Path) -> None:
    write_batches(tmp_path / "old.arrow").end(20)
    done = compact(tmp_path / "old.arrow", tmp_path / "new.arrow")
    assert_reads_the_same(tmp_path / "new.arrow", tmp_path / "old.arrow")
    assert (done.rows, done.batches, done.was_finished, done.damages) == (402, 2, True, ())
    assert done.bytes_after == (tmp_path / "new.arrow").stat().st_size < done.bytes_before / 4
    with pa.OSFile(str(tmp_path / "new.arrow")) as file:
        assert pa.ipc.open_file(file).read_all().num_rows == 403
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.arrow", "old.arrow"]


def test_a_file_that_was_cut_off_stays_one_in_its_new_form(tmp_path: Path) -> None:
    write_batches(tmp_path / "old.arrow").kill()
    compact(tmp_path / "old.arrow", tmp_path / "new.arrow")
    assert_reads_the_same(tmp_path / "new.arrow", tmp_path / "old.arrow")
    assert not read_part(tmp_path / "new.arrow").finished


@pytest.mark.parametrize("batches", [(1,), (7, 8), (3, 12, 20), (21,), (22,)])
def test_damage_is_stated_by_the_new_file(tmp_path: Path, batches: tuple[int, ...]) -> None:
    old = damaged(tmp_path / "old.arrow", *(b for b in batches if b < 21))
    if batches[0] >= 21:
        data = bytearray(old.read_bytes())
        data[-200 if batches[0] == 22 else -1500] ^= 1
        old.write_bytes(data)
    assert read_part(old).damages
    compact(old, tmp_path / "new.arrow")
    assert_reads_the_same(tmp_path / "new.arrow", old)


def test_what_is_compacted_twice_still_states_its_damage_once(tmp_path: Path) -> None:
    old = damaged(tmp_path / "old.arrow", 5)
    compact(old, tmp_path / "new.arrow")
    done = compact(tmp_path / "new.arrow", tmp_path / "newer.arrow")
    assert_reads_the_same(tmp_path / "newer.arrow", old)
    assert list(map(str, done.damages)) == ["damaged: batch 5 of 21, 1.1 s"]


@pytest.mark.parametrize(("rows", "bytes_"), [(64, 10**6), (10**6, 4096)])
def test_batches_are_bounded_by_rows_and_bytes(tmp_path: Path, rows: int, bytes_: int) -> None:
    old, new = tmp_path / "old.arrow", tmp_path / "new.arrow"
    write_batches(old).end(20)
    assert compact(old, new, max_rows=rows, max_bytes=bytes_).batches >= 8
    assert_reads_the_same(new, old)


def test_a_file_that_is_recorded_is_refused(tmp_path: Path) -> None:
    write_batches(tmp_path / "old.arrow", 2).end(2)
    with (tmp_path / "old.arrow").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunFileError, match="is being recorded: compact it once"):
            compact(tmp_path / "old.arrow", tmp_path / "new.arrow")
    assert not (tmp_path / "new.arrow").exists()


def test_nothing_is_overwritten_and_no_piece_stays(tmp_path: Path) -> None:
    write_batches(tmp_path / "old.arrow", 2).end(2)
    (tmp_path / "new.arrow").write_text("mine")
    with pytest.raises(RunFileError, match="there already"):
        compact(tmp_path / "old.arrow", tmp_path / "new.arrow")
    (tmp_path / "link.arrow").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunFileError, match="there already"):
        compact(tmp_path / "old.arrow", tmp_path / "link.arrow")
    (tmp_path / "other.arrow").write_text("no run")
    with pytest.raises(NotARunError):
        compact(tmp_path / "other.arrow", tmp_path / "newer.arrow")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"old.arrow", "new.arrow", "link.arrow", "other.arrow"}


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    write_batches(tmp_path / "old.arrow", 2).end(2)
    (tmp_path / "old.arrow").chmod(0o600)
    compact(tmp_path / "old.arrow", tmp_path / "new.arrow")
    assert stat.S_IMODE((tmp_path / "new.arrow").stat().st_mode) == 0o600


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[float] = []
    write_batches(tmp_path / "old.arrow").end(20)
    compact(tmp_path / "old.arrow", tmp_path / "new.arrow", seen.append)
    assert seen == sorted(seen)
    assert 0.9 < seen[-1] <= 1
