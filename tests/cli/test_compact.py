"""``effmeter compact``: the reports of old and new are the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from tests.golden import make
from tests.runfile.writing import RunFile, counter, every, metadata
from tests.schemas import assert_fits


def run(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, list(map(str, arguments)))


def write(path: Path, begin_s: float, part: int = 1) -> RunFile:
    file = RunFile(path, metadata(channels=(counter(),), part=part))
    file.introduce(begin_s, counter(), 10.0 * begin_s)
    for second in range(10):
        begin = begin_s + second
        file.count("cpu0", [t + 0.01 for t in every(0.1, begin, begin + 0.9)], 10.0)
        file.epoch(second + 1, begin, begin + 0.8, accuracy=0.1 * second)
        file.flush()
    return file


def whole(path: Path) -> None:
    file = write(path, 0)
    file.join(0, "{}")
    file.end(10)


def with_successor(path: Path) -> None:
    write(path, 0).kill()
    write(path.with_name(f"{path.stem}.2.arrow"), 20, part=2).end(31)


def successor_alone(path: Path) -> None:
    with_successor(path)
    path.write_bytes(b"")


def damaged(path: Path) -> None:
    file = write(path, 0)
    file.end(10)
    data = bytearray(path.read_bytes())
    middle = (file.batches[3][0] + file.batches[4][0]) // 2
    data[middle] ^= 1
    path.write_bytes(data)


def of_format_1(path: Path) -> None:
    shutil.copy(make.FOLDER / "run-v1.arrow", path)


def reports(folder: Path) -> tuple[str, object]:
    """Text and JSON of all that a folder holds, without its path."""
    text, told = (run("report", "--details", "--epochs", *to, folder) for to in ((), ("--json",)))
    return text.output.replace(str(folder), ""), json.loads(told.stdout.replace(str(folder), ""))


@pytest.mark.parametrize("kind", [whole, with_successor, damaged, of_format_1])
def test_the_reports_are_the_same_but_for_the_path(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    (tmp_path / "old").mkdir()
    kind(tmp_path / "old" / "run.arrow")
    assert run("compact", tmp_path / "old", "-o", tmp_path / "new").exit_code == 0
    assert reports(tmp_path / "new") == reports(tmp_path / "old")


def test_sizes_and_damage_are_printed(tmp_path: Path) -> None:
    damaged(tmp_path / "old.arrow")
    done = run("compact", tmp_path / "old.arrow", "-o", tmp_path / "new.arrow")
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path}/new.arrow: ")
    assert first.endswith(" rows in 2 batches")
    assert second == "  damaged: batch 5 of 11, 1.09 s"


def test_each_recording_that_cannot_be_compacted_is_one_line(tmp_path: Path) -> None:
    whole(tmp_path / "a.arrow")
    (tmp_path / "b.arrow").write_text("no run")
    with_successor(tmp_path / "c.arrow")
    (tmp_path / "c.2.arrow").write_text("no run")
    successor_alone(tmp_path / "d.arrow")
    done = run("compact", tmp_path, "-o", tmp_path / "new", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert_fits(told, "compact")
    new = {Path(one["new_file"]).name: one for one in told["files"]}
    assert set(new) == {"a.arrow", "d.2.arrow"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(new)
    assert new["a.arrow"]["was_finished"]
    assert len(told["errors"]) == 2
    assert done.stderr.splitlines() == [f"effmeter: {line}" for line in told["errors"]]


def test_several_recordings_need_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        whole(tmp_path / f"{name}.arrow")
    refused = run("compact", tmp_path, "-o", tmp_path / "new.arrow")
    assert refused.exit_code == 2
    assert "there are 2 recordings: name a folder" in refused.stderr
