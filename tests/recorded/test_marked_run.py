"""Several runs of one recording: each with its own marks, labels, notes, window and status."""

import json
from pathlib import Path

import pytest

from effmeter.errors import UsageError
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.recorded.nested_runs import POWER_W, Inner, write_nested
from tests.runfile.writing import RunFile, at, metadata

TRAINING = Inner(
    "lenet-2",
    2,
    8,
    labels={"size": 2},
    accuracies=(0.5, 0.75),
    status="failed: KeyError",
    notes={"labels": '{"best": 0.75}', "stop": "max-epochs: 2", "user:seen": "digits"},
)


def nested(folder: Path, *inner: Inner) -> list[RecordedRun]:
    path = write_nested(folder / "run.arrow", inner, labels={"command": "all"})
    return read_runs(path)


def test_each_run_has_its_own_epochs_labels_notes_and_reason(tmp_path: Path) -> None:
    own, inner = nested(tmp_path, TRAINING)
    assert (own.name, own.run_id, own.parent_run_id) == ("command", "run-1", None)
    assert (inner.name, inner.run_id, inner.parent_run_id) == ("lenet-2", "lenet-2", "run-1")
    assert [epoch.metrics["accuracy"] for epoch in inner.epochs] == [0.5, 0.75]
    assert (own.epochs, own.metrics, own.stopped_by, own.program_notes) == ((), (), None, ())
    assert own.labels == {"command": "all"}
    assert inner.labels == {"size": 2, "best": 0.75}
    assert str(inner.stopped_by) == "max-epochs: 2"
    assert inner.program_notes == (("seen", "digits"),)


def test_each_run_has_its_own_end_and_energy(tmp_path: Path) -> None:
    own, inner = nested(tmp_path, TRAINING)
    assert [str(run.detailed_status) for run in (own, inner)] == ["completed", "failed: KeyError"]
    assert [run.duration_s for run in (own, inner)] == [pytest.approx(10), pytest.approx(6)]
    energies = [run.energy() for run in (own, inner)]
    assert [None if e is None else e.value_j for e in energies] == [
        pytest.approx(10 * POWER_W),
        pytest.approx(6 * POWER_W, rel=1e-3),
    ]


def test_runs_of_one_program_are_kept_apart(tmp_path: Path) -> None:
    notes = ({"stop": "target: accuracy"}, {"stop": "max-epochs: 1", "labels": '{"a": 1}'})
    inner = [
        Inner(f"trial-{i}", 1 + i, 6 + i, None, {"i": i}, (0.1,), "x", notes=notes[i])
        for i in (0, 1)
    ]
    _, first, second = nested(tmp_path, *inner)
    assert [str(run.stopped_by) for run in (first, second)] == ["target: accuracy", "max-epochs: 1"]
    assert [run.labels for run in (first, second)] == [{"i": 0}, {"i": 1, "a": 1}]
    assert [each.name for each in first.runs_beside] == ["trial-1"]


def test_runs_know_what_is_inside_and_around_them(tmp_path: Path) -> None:
    outer, inmost = Inner("outer", 1, 9), Inner("inmost", 2, 5, parent="outer")
    command, out, most = nested(tmp_path, outer, inmost)
    assert [each.name for each in command.inner_runs] == ["outer", "inmost"]
    assert [each.name for each in out.inner_runs] == ["inmost"]
    assert [each.name for each in most.ancestors] == ["outer", "command"]
    assert command.runs_beside == out.runs_beside == most.runs_beside == ()


def test_runs_that_name_each_other_as_surrounding_lie_inside_the_recording(tmp_path: Path) -> None:
    inner = [Inner("a", 1, 3, parent="b"), Inner("b", 4, 6, parent="a")]
    own, a, b, _ = nested(tmp_path, *inner, Inner("self", 7, 8, parent="self"))
    assert [run.parent_run_id for run in (a, b)] == ["run-1", "run-1"]
    assert len(own.inner_runs) == 3


def test_ranks_of_a_launch_are_one_run_that_lasts_until_the_last_ends(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        for rank, ends_s in ((1, 7.0), (0, 6.0)):
            source = f"host/{rank}/4{rank}"
            file.join(1.0, json.dumps({"run_id": "job", "name": "job", "rank": rank}), source, 7)
            file.event(2.0 + rank, Event.RUN_BEGIN, source=source, id=7)
            file.epoch(1, 3.0, 5.0, source, 7, loss=float(rank))
            status = "completed" if rank else "failed: ValueError"
            file.event(ends_s, Event.END, source=source, id=7, text=status)
        file.end(9.0)
    _, job = read_runs(file.path)
    assert [source.rank for source in job.sources] == [1, 0]
    assert (job.begin_ns, job.end_ns) == (at(2), at(7))
    assert str(job.detailed_status) == "failed: ValueError"
    assert [epoch.metrics["loss"] for epoch in job.lead_epochs] == [0.0]


def test_a_run_begins_where_it_was_joined_if_its_block_is_not_stated(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.join(2.0, json.dumps({"run_id": "inner"}), root=7)
        file.event(8.0, Event.END, source="host/-/42", id=7, text="completed")
        file.end(10.0)
    assert read_runs(file.path)[1].duration_s == pytest.approx(6.0)


def test_a_run_without_an_end_ends_with_the_recording(tmp_path: Path) -> None:
    inner = nested(tmp_path, Inner("inner", 2, None))[1]
    assert inner.duration_s == pytest.approx(8.0)
    assert str(inner.detailed_status) == "completed"


def test_what_stands_outside_of_a_runs_time_is_not_its(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata()) as file:
        for begin_s, end_s, name in ((1.0, 3.0, "early"), (5.0, 8.0, "late")):
            file.join(begin_s, json.dumps({"run_id": name, "name": name}), name, 1)
            file.event(end_s, Event.END, source=name, id=1, text="completed")
        for time_s, count in ((0.5, 1.0), (2.0, 3.0), (4.0, 2.0), (9.0, 5.0)):
            file.event(time_s, Event.CONTENTION, value=count, text="others")
        closed = {"id": 1, "text": "lost", "value": 1.0, "duration_s": 0.5}
        file.event(6.0, Event.GAP, channel="cpu0", **closed)
        for time_s, used in ((0.0, 100.0), (2.0, 300.0), (4.0, 50.0)):
            file.event(time_s, Event.MEMORY, name="ram", value=used)
        file.end(10.0)
    own, early, late = read_runs(path)
    assert [len(run.gaps) for run in (own, early, late)] == [1, 0, 1]
    others = [[seen.processes for seen in run.contentions] for run in (own, early, late)]
    assert others == [[1, 3, 2, 5], [1, 3], [2]]
    peaks = [run.memory["ram"].peak_bytes for run in (own, early, late)]
    assert peaks == [300.0, 300.0, 50.0]
    assert early.memory["ram"].average_bytes == pytest.approx(200.0)


def test_a_single_run_is_not_chosen_among_several(tmp_path: Path) -> None:
    nested(tmp_path, TRAINING)
    with pytest.raises(UsageError, match=r"several runs \(command, lenet-2\).*read_runs"):
        read_run(tmp_path / "run.arrow")
