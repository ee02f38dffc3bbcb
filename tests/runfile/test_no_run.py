"""Files and folders that hold no run: one clear error each."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.errors import NewerFormatError, NotARunError, RunFileError
from effmeter.runfile.format import (
    FORMAT_VERSION,
    METADATA_KEY,
    VERSION_KEY,
    arrow_schema,
)
from effmeter.runfile.framing import MAGIC
from effmeter.runfile.reader import read_metadata, read_part
from tests.runfile.writing import metadata


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"none\.arrow does not exist"):
        read_part(tmp_path / "none.arrow")


def test_pattern_that_matched_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"no file matches .*\*\.arrow"):
        read_part(tmp_path / "*.arrow")


def test_directory_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="is a directory"):
        read_part(tmp_path)


def test_device_is_no_run() -> None:
    with pytest.raises(RunFileError, match="not a regular file"):
        read_part(Path(os.devnull))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (MAGIC[:5], "cut off before its first row"),
        (MAGIC + b"\xff\xff\xff\xff\x10", "cut off before its first row"),
        (b"time,energy\n1,2\n", "is not a run"),
    ],
)
def test_file_without_a_run_says_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.arrow"
    path.write_bytes(content)
    with pytest.raises(RunFileError, match=message) as caught:
        read_part(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def write_table(path: Path, schema: pa.Schema) -> Path:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as file:
        file.write_table(schema.empty_table())
    return path


def test_arrow_file_of_another_program_is_no_run(tmp_path: Path) -> None:
    path = write_table(tmp_path / "foreign.arrow", pa.schema([pa.field("x", pa.int64())]))
    with pytest.raises(NotARunError, match=r"foreign\.arrow.*not one that effmeter recorded"):
        read_part(path)


def test_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    described = {**metadata().to_arrow(), VERSION_KEY: str(FORMAT_VERSION + 1).encode()}
    path = write_table(tmp_path / "new.arrow", arrow_schema().with_metadata(described))
    with pytest.raises(NewerFormatError, match=r"new\.arrow.*upgrade"):
        read_part(path)


def test_metadata_that_makes_no_sense_is_no_run(tmp_path: Path) -> None:
    described = {VERSION_KEY: b"1", METADATA_KEY: json.dumps({"surprise": 1}).encode()}
    path = write_table(tmp_path / "odd.arrow", arrow_schema().with_metadata(described))
    with pytest.raises(NotARunError, match=r"odd\.arrow"):
        read_metadata(path)


def test_run_that_lacks_a_column_is_no_run(tmp_path: Path) -> None:
    schema = arrow_schema(metadata())
    schema = schema.remove(schema.get_field_index("energy_j"))
    schema = schema.with_metadata({**schema.metadata, VERSION_KEY: b"1"})
    with pytest.raises(NotARunError, match="lacks the column energy_j"):
        read_part(write_table(tmp_path / "narrow.arrow", schema))
