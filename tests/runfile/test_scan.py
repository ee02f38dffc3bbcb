"""A run file is walked frame by frame: damage is a hole, and what follows it is found."""

import errno
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from effmeter.errors import RunFileError
from effmeter.runfile.framing import HEADER_START, MAGIC
from effmeter.runfile.scan import Hole, Piece, Window, framed_pieces, has_frames, plain_pieces
from tests.golden.make import FOLDER
from tests.runfile.writing import RunFile, every, metadata

BATCHES = 5


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """A finished file, and where its frames end: the schema, five batches, the footer."""
    path = tmp_path_factory.mktemp("scan") / "run.arrow"
    with RunFile(path) as file:
        for second in range(BATCHES):
            file.count("cpu0", every(0.1, second, second + 0.9), 10.0)
            file.flush()
    data = path.read_bytes()
    return data, [_schema_end(data), *(end for end, _ in file.batches), len(data)]


def _schema_end(data: bytes) -> int:
    return len(MAGIC) + 8 + int.from_bytes(data[12:16], "little")


@pytest.fixture
def scan(tmp_path: Path) -> Callable[[bytes], list[int | Hole]]:
    """The numbers of the pieces of a file, and its holes."""

    def of(data: bytes) -> list[int | Hole]:
        path = tmp_path / "scanned.arrow"
        path.write_bytes(data)
        with path.open("rb") as file:
            window = Window(file)
            pieces = (framed_pieces if has_frames(window) else plain_pieces)(window)
            return [p.number if isinstance(p, Piece) else p for p in pieces]

    return of


Scan = Callable[[bytes], list[int | Hole]]


def test_an_intact_file_has_no_holes(ends: tuple[bytes, list[int]], scan: Scan) -> None:
    assert scan(ends[0]) == [*range(BATCHES + 2)]


@pytest.mark.parametrize("number", range(1, BATCHES + 1))
def test_a_changed_byte_costs_its_batch_alone(
    ends: tuple[bytes, list[int]], scan: Scan, number: int
) -> None:
    data, places = ends
    middle = (places[number - 1] + places[number]) // 2
    changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    expected: list[int | Hole] = [*range(BATCHES + 2)]
    expected[number] = Hole(number, number)
    assert scan(changed) == expected


def test_the_next_frame_is_found_after_bytes_were_lost(
    ends: tuple[bytes, list[int]], scan: Scan
) -> None:
    data, places = ends
    shorter = data[: places[1] + 100] + data[places[3] + 50 :]
    assert scan(shorter) == [0, 1, Hole(2, 4), 5, 6]


def test_a_batch_that_was_taken_out_is_missed(ends: tuple[bytes, list[int]], scan: Scan) -> None:
    data, places = ends
    assert scan(data[: places[1]] + data[places[2] :]) == [0, 1, Hole(2, 2), 3, 4, 5, 6]


def test_a_batch_that_stands_twice_counts_once(ends: tuple[bytes, list[int]], scan: Scan) -> None:
    data, places = ends
    twice = data[: places[2]] + data[places[1] :]
    assert scan(twice) == [0, 1, 2, Hole(3, 2), 3, 4, 5, 6]


def test_a_batch_of_another_file_does_not_count(
    ends: tuple[bytes, list[int]], scan: Scan, tmp_path: Path
) -> None:
    data, places = ends
    other = tmp_path / "other.arrow"
    with RunFile(other, metadata(run_id="other")) as file:
        file.count("cpu0", every(0.1, 0, 0.9), 99.0)
    foreign = other.read_bytes()[_schema_end(other.read_bytes()) : file.batches[0][0]]
    assert scan(data[: places[0]] + foreign + data[places[1] :]) == [
        0,
        Hole(1, 1),
        *range(2, BATCHES + 2),
    ]


def test_a_header_within_a_text_is_passed_over(ends: tuple[bytes, list[int]], scan: Scan) -> None:
    data, places = ends
    forged = HEADER_START + b"0" * 44
    assert scan(data[: places[1]] + forged + data[places[1] :])[-1] == BATCHES + 1


@pytest.mark.parametrize("left", [1, 4, 7, 8, 100, 600])
def test_a_cut_within_a_batch_is_no_damage(
    ends: tuple[bytes, list[int]], scan: Scan, left: int
) -> None:
    data, places = ends
    assert scan(data[: places[2] + left]) == [0, 1, 2, Hole(3, None, is_cut=True)]


def test_zeros_at_the_end_are_damage(ends: tuple[bytes, list[int]], scan: Scan) -> None:
    data, places = ends
    assert scan(data[: places[2]] + bytes(5000)) == [0, 1, 2, Hole(3, None)]


def test_a_file_of_format_1_is_walked_by_its_lengths(scan: Scan) -> None:
    data = (FOLDER / "run-v1.arrow").read_bytes()
    *pieces, end = scan(data)
    assert [*pieces, end] == [*range(len(pieces) + 1)]


def test_a_file_of_format_1_ends_where_a_length_makes_no_sense(scan: Scan) -> None:
    data = (FOLDER / "run-v1.arrow").read_bytes()
    at = _schema_end(data)
    assert scan(data[:at] + b"\xff\xff\xff\xff\xf0\xff\xff\x7f" + data[at + 8 :])[-1] == Hole(
        1, None
    )


def test_a_huge_sparse_file_is_read_no_further_than_a_frame_reaches(
    ends: tuple[bytes, list[int]], tmp_path: Path
) -> None:
    data, places = ends
    path = tmp_path / "sparse.arrow"
    with path.open("wb") as file:
        file.write(data[: places[1]])
        file.truncate(2**40)
    with path.open("rb") as sparse:
        assert [*framed_pieces(Window(sparse))][-1] == Hole(2, None)


class FailingDisk(io.FileIO):
    """A file whose bytes the disk does not give."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_fails_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(MAGIC)
    with (
        FailingDisk(path) as file,
        pytest.raises(RunFileError, match=r"run\.arrow cannot be read: "),
    ):
        Window(file).at(0, 8)
