"""A thinned file: the energies of its periods, and of all of it, stay what they were."""

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.channel import Calibration, Component, Provenance
from effmeter.cli import effmeter
from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.recorded.reading import read_recording, read_run
from effmeter.recorded.recording import Recording
from effmeter.recorded.thinning import thin
from effmeter.runfile.format import Event
from effmeter.runfile.reader import read_part
from tests.runfile.writing import WALL_NS, RunFile, at, counter, every, gauge, metadata

END_S = 600
SILENT_S = {200, 265}
"""When the gauge falls silent, and when it is read again."""
FIRST_S = -(WALL_NS // 10**9) % 60
"""When the first whole minute begins."""


def write(path: Path) -> RunFile:
    """A calibrated counter, a gauge that is not read for a minute, and an estimate."""
    calibration = Calibration(1.05, 2.0, 0.01, 0.5, "meter.csv", "2026-01-01T00:00:00Z")
    estimate = gauge(
        "ram-estimate",
        Component.RAM,
        provenance=Provenance.ESTIMATED,
        estimate_factor=3.0,
        noise_fraction=0.01,
    )
    calibrated = counter(gain_error_fraction=0.02, calibration=calibration)
    channels = (calibrated, gauge(offset_error_w=1.0), estimate)
    file = RunFile(path, metadata(channels=channels, sampling={"rate_hz": 2.0}))
    for channel in channels:
        file.introduce(0, channel)
    file.count("cpu0", every(0.5, 0, END_S), 10.0)
    file.show("gpu0-power", every(0.5, 0, 200), 100.0)
    file.show("gpu0-power", every(0.5, 265, END_S), 150.0)
    file.show("ram-estimate", every(0.5, 0, END_S), 3.0)
    return file


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    write(tmp_path / "run.arrow").end(END_S)
    return tmp_path / "run.arrow"


def energies(recording: Recording, begin_ns: int, end_ns: int) -> dict[str, Energy]:
    found = {n: recording.channel_energy(n, begin_ns, end_ns) for n in recording.channels}
    return {name: energy for name, energy in found.items() if energy is not None}


def assert_equal(one: dict[str, Energy], other: dict[str, Energy]) -> None:
    assert one.keys() == other.keys()
    for name, energy in one.items():
        assert other[name].as_mapping() == pytest.approx(energy.as_mapping(), rel=1e-9, abs=1e-6)
        assert other[name].systematic == pytest.approx(energy.systematic)
        assert other[name].estimates.keys() == energy.estimates.keys()


def test_a_period_and_all_of_them_keep_figure_and_interval(whole: Path, tmp_path: Path) -> None:
    before = read_recording(whole)
    done = thin(whole, 60.0, tmp_path / "thin.arrow")
    after = read_recording(done.path)
    assert_equal(energies(before, at(0), at(END_S)), energies(after, at(0), at(END_S)))
    for begin_s, end_s in itertools.pairwise(range(FIRST_S, END_S, 60)):
        if not SILENT_S & set(range(begin_s, end_s)):  # such a period is divided there
            window = (at(begin_s), at(end_s))
            assert_equal(energies(before, *window), energies(after, *window))
    assert done.bytes_after < done.bytes_before / 2


def test_several_periods_keep_the_figure_and_an_interval_that_holds_the_one_before(
    whole: Path, tmp_path: Path
) -> None:
    before = read_recording(whole)
    after = read_recording(thin(whole, 60.0, tmp_path / "thin.arrow").path)
    window = (at(FIRST_S + 60), at(FIRST_S + 420))
    was, now = energies(before, *window), energies(after, *window)
    for name, energy in was.items():
        assert now[name].value_j == pytest.approx(energy.value_j)
        assert now[name].low_j <= energy.low_j + 1e-6
        assert now[name].high_j >= energy.high_j - 1e-6


def test_the_report_stays_the_same(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    thin(whole, 60.0, tmp_path / "new" / "run.arrow")
    texts = [
        CliRunner().invoke(effmeter, ["report", str(path)]).output.replace(str(path.parent), "")
        for path in (whole, tmp_path / "new" / "run.arrow")
    ]
    assert texts[0] == texts[1]
    assert "calibrated cpu0" in texts[1]
    one, other = read_run(whole), read_run(tmp_path / "new" / "run.arrow")
    first, second = one.energy(), other.energy()
    assert first is not None
    assert second is not None
    assert second.as_mapping() == pytest.approx(first.as_mapping())
    assert other.recording.blind.keys() == one.recording.blind.keys()


def test_a_file_that_was_cut_off_stays_interrupted(tmp_path: Path) -> None:
    write(tmp_path / "run.arrow").kill()
    thin(tmp_path / "run.arrow", 60.0)
    assert read_run(tmp_path / "run.arrow").status == "interrupted"
    assert not read_part(tmp_path / "run.arrow").finished


def test_a_file_is_replaced_in_one_step(whole: Path) -> None:
    was = read_run(whole).energy()
    thin(whole, 60.0)
    now = read_run(whole).energy()
    assert was is not None
    assert now is not None
    assert now.as_mapping() == pytest.approx(was.as_mapping())
    assert [path.name for path in whole.parent.iterdir()] == ["run.arrow"]
    assert read_recording(whole).metadata.sampling["thinned_s"] == 60.0


def test_a_recording_of_several_runs_is_not_thinned(tmp_path: Path) -> None:
    file = RunFile(tmp_path / "run.arrow", metadata(channels=(counter(),)))
    file.count("cpu0", every(0.1, 0, 9), 10.0)
    file.event(1, Event.NOTE, name="source", source="h/-/1", id=1, text='{"run_id": "a"}')
    file.event(1, Event.NOTE, name="source", source="h/-/2", id=1, text='{"run_id": "b"}')
    file.end(10)
    with pytest.raises(UsageError, match="more than the log of a machine"):
        thin(tmp_path / "run.arrow", 1.0)
