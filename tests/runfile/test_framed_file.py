"""A framed file is an ordinary Arrow file to every Arrow reader, finished or cut off."""

from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.runfile.format import COLUMNS
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.framing import HEADER_START, MAGIC, header_at, is_intact
from tests.runfile.writing import metadata

BATCHES = 3


def batch(file: FramedFile, first: int) -> pa.RecordBatch:
    rows = [
        {**dict.fromkeys(COLUMNS), "time": first + i, "seq": first + i, "channel": "cpu0"}
        for i in range(10)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=file.schema)


@pytest.fixture
def frames() -> list[bytes]:
    """The frames of a finished file of three batches."""
    written: list[bytes] = []
    file = FramedFile(lambda frame: written.append(bytes(frame)), metadata())
    for number in range(BATCHES):
        file.write_batch(batch(file, 10 * number))
    file.close()
    return written


def test_the_schema_each_batch_and_the_footer_are_one_write_each(frames: list[bytes]) -> None:
    headers = [header_at(frame, frame.index(HEADER_START)) for frame in frames]
    for number, (frame, header) in enumerate(zip(frames, headers, strict=True)):
        assert header is not None
        assert is_intact(frame, header)
        assert (header.number, header.length) == (number, len(frame))
    assert len({header.file for header in headers if header}) == 1
    assert len(frames) == BATCHES + 2
    assert frames[0].startswith(MAGIC)


def test_files_of_different_runs_have_different_numbers(frames: list[bytes]) -> None:
    written: list[bytes] = []
    other = FramedFile(lambda frame: written.append(bytes(frame)), metadata(run_id="other"))
    other.close()
    mine, others = (header_at(f, f.index(HEADER_START)) for f in (frames[0], written[0]))
    assert mine is not None
    assert others is not None
    assert mine.file != others.file


def test_pandas_opens_it_as_it_is(frames: list[bytes], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "run.arrow"
    path.write_bytes(b"".join(frames))
    assert pandas.read_feather(path)["seq"].to_list() == [*range(10 * BATCHES)]


def test_pyarrow_and_polars_open_it_as_it_is(frames: list[bytes], tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "run.arrow"
    path.write_bytes(b"".join(frames))
    numbers = list(range(10 * BATCHES))
    with pa.OSFile(str(path)) as file:
        assert pa.ipc.open_file(file).read_all()["seq"].to_pylist() == numbers
    assert pl.read_ipc(path)["seq"].to_list() == numbers
    assert pl.scan_ipc(path).select("seq").collect()["seq"].to_list() == numbers


@pytest.mark.parametrize("whole", range(1, BATCHES + 1))
def test_without_its_footer_the_rest_after_the_magic_is_a_stream(
    frames: list[bytes], whole: int
) -> None:
    import polars as pl

    stream = b"".join(frames[: 1 + whole])[len(MAGIC) :]
    numbers = list(range(10 * whole))
    assert pa.ipc.open_stream(stream).read_all()["seq"].to_pylist() == numbers
    assert pl.read_ipc_stream(stream)["seq"].to_list() == numbers


def test_a_file_without_batches_has_a_schema_and_a_footer(tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "run.arrow"
    with path.open("wb") as sink:
        FramedFile(sink.write, metadata()).close()
    assert pl.read_ipc(path).columns == list(COLUMNS)
