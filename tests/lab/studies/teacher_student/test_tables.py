"""The teacher-student study: what is recorded, what is kept, and the table of both."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from effmeter.errors import EffmeterError
from effmeter.lab.studies.grow_prune_select.tables import published_energies
from effmeter.lab.studies.repeats import BySeed
from effmeter.lab.studies.teacher_student.curves import saved_curves
from effmeter.lab.studies.teacher_student.scale import SCALES, StudentScale
from effmeter.lab.studies.teacher_student.students import (
    Student,
    by_approach,
    record_students,
    students_of,
)
from effmeter.lab.studies.teacher_student.tables import StudentResults, figure_data, table_1
from effmeter.lab.workloads.teacher_student.approaches import APPROACHES, IN_THE_PAPER
from effmeter.lab.workloads.teacher_student.curves import Curves
from effmeter.recorded.reading import read_run
from tests.runfile.writing import RunFile, counter, every, metadata
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine

pytestmark = pytest.mark.untimed

SCALE = StudentScale("test", "", runs=4, trials=2, iterations=20)
TOLD_J = {"small": 30.0, "big": 60.0}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """Sensors whose energies are known; the recorders that this process starts see them."""
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        yield machine


def recorded_elsewhere(student: Student, folder: Path) -> Path:
    """A run that was never trained: it lasts ten seconds, the second seed's a little more."""
    path = folder / f"{student.name}.arrow"
    with RunFile(
        path, metadata(name=student.name, channels=(counter(),), labels=dict(student.labels))
    ) as file:
        watts = TOLD_J.get(student.approach, 45.0) / 10.0 + 0.01 * student.seed
        file.count("cpu0", every(0.5, 0, 11), watts)
        file.epoch(1, 0.0, 10.0, loss=0.5)
        file.end(11.0)
    return path


def falling(name: str, level: float) -> Curves:
    """Losses that fall to a level, in four runs with a spread of their own."""
    iterations = np.arange(21.0)
    spread = np.array([-0.02, -0.01, 0.01, 0.02])[:, None]
    return Curves(APPROACHES[name], iterations, level * (1 + spread) + 1 / (1 + iterations))


@pytest.fixture
def study(tmp_path: Path) -> StudentResults:
    students = students_of(SCALE)
    runs = {student: read_run(recorded_elsewhere(student, tmp_path)) for student in students}
    curves = {name: falling(name, 0.2 if name == "small" else 0.1) for name in APPROACHES}
    return StudentResults(SCALE, curves, by_approach(runs))


def test_the_table_has_own_energies_beside_the_published(study: StudentResults) -> None:
    table = table_1(study)
    rows = {row[0]: row for row in table.rows}
    assert list(rows) == list(APPROACHES)
    place = table.headings.index("published, J")
    assert {name: float(rows[name][place]) for name in IN_THE_PAPER} == dict(published_energies())
    ratio = table.headings.index("energy / big")
    assert float(rows["small"][ratio]) == pytest.approx(0.5, abs=0.01)
    assert rows["small"][ratio + 2] == f"{17.94 / 18.47:.3f}"
    assert rows["big"][ratio : ratio + 3] == ("", "", "")
    assert rows["selection-10"][-1] == "not in the paper's table"
    assert any("they sum cpu0 (measured)" in note for note in table.notes)


def test_final_losses_are_smoothed_and_paired_over_the_runs(study: StudentResults) -> None:
    table = table_1(study)
    rows = {row[0]: row for row in table.rows}
    place = table.headings.index("final loss")
    end = 1 / 21
    assert float(rows["small"][place]) == pytest.approx(0.2 + end, abs=0.005)
    assert float(rows["small"][place + 2]) == pytest.approx((0.2 + end) / (0.1 + end), abs=0.03)
    low, high = (float(bound) for bound in rows["small"][place + 1].strip("[]").split(","))
    assert low < 0.2 + end < high


def test_the_figures_data_hold_ends_and_curves(study: StudentResults) -> None:
    ends, curves = figure_data(study)
    assert len(ends.rows) == len(APPROACHES)
    assert ends.rows[0]["energy_j"] == pytest.approx(30.05, abs=0.2)
    assert len(curves.rows) == 21 * len(APPROACHES)
    assert curves.rows[0] == {
        "approach": "small",
        "iteration": 0,
        "mean_loss": pytest.approx(1.2),
        "smoothed_loss": pytest.approx(1.2, abs=0.2),
    }


def test_an_energy_that_nothing_tells_is_not_known(study: StudentResults) -> None:
    silent = StudentResults(SCALE, study.curves, dict.fromkeys(study.curves, BySeed({})))
    table = table_1(silent)
    place = table.headings.index("energy")
    assert {row[place] for row in table.rows} == {"not known"}
    assert any("no sensor gave a figure" in note for note in table.notes)


def test_students_are_recorded_once_and_again_when_asked(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    (student,) = students_of(StudentScale("test", "", 2, 1, 20), ["selection-50"])
    told: list[str] = []
    run = record_students([student], tmp_path / "runs", tell=told.append)[student]
    assert told == ["student-selection-50-seed-0: recording 1 of 1"]
    assert run.status == "completed"
    assert run.labels == student.labels
    (epoch,) = run.lead_epochs
    assert epoch.metrics["backward_flops"] < epoch.metrics["dense_backward_flops"]
    energy = by_approach({student: run})["selection-50"].by_seed[0].energy
    assert set(energy.cover.names) == {"cpu0", "cpu1", "dram0"}
    again = record_students([student], tmp_path / "runs", tell=told.append)[student]
    assert again.paths == run.paths
    assert told[1:] == ["1 of 1 students were recorded earlier"]
    fresh = record_students([student], tmp_path / "runs", fresh=True)[student]
    assert fresh.paths != run.paths
    assert [path.name for path in (tmp_path / "runs" / "set-aside").iterdir()] == [
        run.paths[0].name
    ]


def test_all_approaches_of_a_seed_come_before_the_next_seed() -> None:
    students = students_of(SCALE, ["small", "big"])
    assert [(s.approach, s.seed) for s in students] == [
        *(("small", 0), ("big", 0)),
        *(("small", 1), ("big", 1)),
    ]


def test_curves_are_kept_and_trained_anew_for_another_scale(tmp_path: Path) -> None:
    told: list[str] = []
    first = saved_curves(SCALE, tmp_path, ["small"], tell=told.append)["small"]
    kept = saved_curves(SCALE, tmp_path, ["small"], tell=told.append)["small"]
    np.testing.assert_array_equal(first.losses, kept.losses)
    assert told[1:] == ["small: curves of 4 runs kept earlier"]
    longer = StudentScale("test", "", runs=4, trials=1, iterations=25)
    assert saved_curves(longer, tmp_path, ["small"])["small"].iterations[-1] == 25
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]


def test_a_file_of_curves_that_was_cut_short_is_trained_anew(tmp_path: Path) -> None:
    saved_curves(SCALE, tmp_path, ["small"])
    path = tmp_path / "small.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert saved_curves(SCALE, tmp_path, ["small"])["small"].losses.shape == (4, 21)


def test_curves_that_cannot_be_kept_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(EffmeterError, match=r"small\.npz cannot be written"):
        saved_curves(SCALE, tmp_path / "occupied", ["small"])


def test_the_full_scale_is_the_papers() -> None:
    assert (SCALES["full"].runs, SCALES["full"].iterations) == (300, 3_500)
    assert SCALES["full"].read_every == 25
