"""Several runs of one recording: each with its own marks, labels, window and energy."""

import json
from pathlib import Path

import pytest

from effmeter.errors import UsageError
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, counter, every, metadata

COMMAND, TRAINING = "host/-/42", "host/-/43"
POWER_W = 20.0


def recorded(
    folder: Path, training_ends_s: float | None = 8.0, block_begins_s: float | None = None
) -> list[RecordedRun]:
    """A command of ten seconds, and a training inside it from the second second."""
    described = metadata(channels=(counter(),), labels={"command": "all"})
    with RunFile(folder / "run.arrow", described) as file:
        file.count("cpu0", every(0.1, 0, 10), POWER_W)
        file.join(0.0, json.dumps({"name": "command"}), COMMAND, 1)
        joining = {"name": "lenet-2", "run_id": "run-2", "labels": {"size": 2}}
        file.join(2.0, json.dumps(joining), TRAINING, 7)
        file.epoch(1, 0.5, 1.5, COMMAND, 1, accuracy=0.1)
        file.epoch(1, 2.0, 5.0, TRAINING, 7, accuracy=0.5)
        file.epoch(2, 5.0, 8.0, TRAINING, 7, accuracy=0.75)
        file.event(8.0, Event.NOTE, name="labels", source=TRAINING, text='{"best": 0.75}')
        if block_begins_s is not None:
            file.event(block_begins_s, Event.RUN_BEGIN, source=TRAINING, id=7)
        if training_ends_s is not None:
            file.event(training_ends_s, Event.END, source=TRAINING, id=7, text="failed: KeyError")
        file.event(10.0, Event.END, source=COMMAND, id=1, text="completed")
        file.end(10.0)
    return read_runs(file.path)


def test_a_recording_gives_its_own_run_first(tmp_path: Path) -> None:
    assert [run.name for run in recorded(tmp_path)] == ["lenet-1", "lenet-2"]


def test_each_run_has_its_own_epochs_metrics_and_labels(tmp_path: Path) -> None:
    own, inner = recorded(tmp_path)
    assert [epoch.metrics["accuracy"] for epoch in own.epochs] == [0.1]
    assert [epoch.metrics["accuracy"] for epoch in inner.epochs] == [0.5, 0.75]
    assert [metric.value for metric in own.metrics] == [0.1]
    assert own.labels["command"] == "all"
    assert "size" not in own.labels
    assert inner.labels == {"size": 2, "best": 0.75}
    assert (own.run_id, inner.run_id) == ("run-1", "run-2")


def test_a_run_lasts_from_its_first_programs_joining_to_its_last_ones_end(tmp_path: Path) -> None:
    own, inner = recorded(tmp_path)
    assert own.duration_s == pytest.approx(10.0)
    assert inner.duration_s == pytest.approx(6.0)
    assert str(own.detailed_status) == "completed"
    assert str(inner.detailed_status) == "failed: KeyError"
    energies = [run.energy() for run in (own, inner)]
    assert [None if e is None else e.value_j for e in energies] == [
        pytest.approx(10 * POWER_W),
        pytest.approx(6 * POWER_W, rel=1e-3),
    ]


def test_an_inner_run_begins_with_its_block_where_that_is_stated(tmp_path: Path) -> None:
    inner = recorded(tmp_path, block_begins_s=3.0)[1]
    assert inner.duration_s == pytest.approx(5.0)


def test_a_run_without_an_end_ends_with_the_recording(tmp_path: Path) -> None:
    inner = recorded(tmp_path, training_ends_s=None)[1]
    assert inner.duration_s == pytest.approx(8.0)
    assert str(inner.detailed_status) == "completed"


def test_a_single_run_is_not_chosen_among_several(tmp_path: Path) -> None:
    recorded(tmp_path)
    with pytest.raises(UsageError, match=r"several runs \(lenet-1, lenet-2\).*read_runs"):
        read_run(tmp_path / "run.arrow")
