"""Old files of a machine's log are thinned and removed; nothing else in the folder is touched."""

import fcntl
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from effmeter.recorded.log_upkeep import Upkeep, look_after
from effmeter.recorded.reading import read_run
from tests.recorder.logged_machine import BEGAN_WALL_NS, LoggedMachine
from tests.runfile.writing import RunFile, counter, metadata
from tests.schemas import assert_fits

BEGAN_S = BEGAN_WALL_NS * 1e-9
HOUR_S = 3600.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three hours of log, a file for each, last written when they ended."""
    folder = tmp_path / "log"
    machine = LoggedMachine(folder, 10.0, HOUR_S)
    machine.run(3 * HOUR_S)
    machine.stop()
    for path in folder.iterdir():
        ended_ns = read_run(path).recording.metadata.started_wall_ns + round(HOUR_S * 1e9)
        os.utime(path, ns=(ended_ns, ended_ns))
    return folder


def energies_j(folder: Path) -> list[float]:
    found = [read_run(path).energy() for path in sorted(folder.glob("*.arrow"))]
    return [energy.value_j for energy in found if energy is not None]


def test_old_files_are_thinned_once_and_older_ones_removed(log: Path) -> None:
    before_j = energies_j(log)
    assert len(before_j) == 4
    upkeep = Upkeep(HOUR_S, 60.0, 3 * HOUR_S)
    first = look_after(log, upkeep, BEGAN_S + 2.3 * HOUR_S)
    assert [one.path.name.endswith("T223000Z.arrow") for one in first.thinned] == [True]
    assert not first.removed
    assert not first.errors
    assert energies_j(log) == pytest.approx(before_j)
    (one,) = first.thinned
    assert one.path.stat().st_size == one.bytes_after < one.bytes_before
    again = look_after(log, upkeep, BEGAN_S + 3.3 * HOUR_S)
    assert [path.name[-13:] for path in again.removed] == ["223000Z.arrow"]
    assert [path.name[-13:] for path, _, _ in again.thinned] == ["230000Z.arrow"]


def test_what_is_no_log_is_left_alone(log: Path) -> None:
    RunFile(log / "mine.arrow", metadata(channels=(counter(),))).end(1)
    (log / "notes.arrow").write_text("no run")
    (log / "link.arrow").symlink_to(log / "mine.arrow")
    before = {path.name for path in log.iterdir()}
    done = look_after(log, Upkeep(0.001, 60.0, 0.001))
    assert {path.name for path in log.iterdir()} == {"mine.arrow", "notes.arrow", "link.arrow"}
    assert len(done.removed) == len(before) - 3
    (line,) = done.errors
    assert "notes.arrow is not a run" in line


def test_what_is_being_recorded_and_what_another_looks_after_stay(log: Path) -> None:
    newest = sorted(log.iterdir())[-1]
    with newest.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = look_after(log, Upkeep(0.001, 60.0, 0.001))
    assert newest.exists()
    assert len(done.removed) == 3
    descriptor = os.open(log, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert look_after(log, Upkeep(0.001, 60.0, 0.001)).removed == []
    os.close(descriptor)


def test_pieces_that_a_crash_left_go_once_they_are_old(log: Path) -> None:
    old, new = log / ".a.arrow.1.unfinished", log / ".b.arrow.2.unfinished"
    for piece in (old, new):
        piece.write_text("")
    os.utime(old, (0, 0))
    look_after(log, Upkeep(1e9, 60.0))
    assert (old.exists(), new.exists()) == (False, True)


def thin(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, ["daemon", "thin", *map(str, arguments)])


def test_the_command_prints_what_it_did(log: Path) -> None:
    told = json.loads(thin(log, "--keep-full", "1s", "--thin", "1min", "--json").stdout)
    assert_fits(told, "daemon-thin")
    assert len(told["thinned"]) == 4
    assert thin(log, "--keep-full", "1s").stdout == ""
    log.chmod(0o777)
    assert "another user may write to it" in thin(log).stderr
