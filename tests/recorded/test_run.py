"""What a run tells of its epochs, spans, sources, gaps and clocks."""

import json
import math
from pathlib import Path

import pytest

from effmeter.energy import Energy
from effmeter.errors import NotARunError
from effmeter.reason import Reason, StopKind
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import ROOT, SOURCE, RunFile, at, counter, every, metadata


@pytest.fixture
def file(tmp_path: Path) -> RunFile:
    return RunFile(tmp_path / "run.arrow", metadata(labels={"size": 1}, channels=(counter(),)))


def finished(file: RunFile, status: str = "completed") -> RecordedRun:
    file.end(10.0, status)
    return read_run(file.path)


def test_status_and_end_are_those_of_the_end_row(file: RunFile) -> None:
    file.event(9.0, Event.END, source=SOURCE, text="completed")
    run = finished(file, "failed: ValueError")
    assert str(run.detailed_status) == "failed: ValueError"
    assert run.duration_s == pytest.approx(10.0)


def test_the_energy_of_a_run_is_that_of_its_block(file: RunFile) -> None:
    file.count("cpu0", every(0.1, 0, 10), 20.0)
    file.join(1.0, "{}")
    file.event(2.0, Event.RUN_BEGIN, source=SOURCE, id=ROOT)
    file.event(8.0, Event.END, source=SOURCE, id=ROOT, text="completed")
    run = finished(file)
    assert (run.begin_ns, run.end_ns) == (at(2), at(8))
    assert run.duration_s == pytest.approx(6)
    energy = run.energy()
    assert energy is not None
    assert energy.value_j == pytest.approx(6 * 20.0, rel=1e-3)


def test_a_block_without_an_end_lasts_as_long_as_the_recording(file: RunFile) -> None:
    file.join(1.0, "{}")
    file.event(2.0, Event.RUN_BEGIN, source=SOURCE, id=ROOT)
    run = finished(file)
    assert (run.begin_ns, run.end_ns) == (at(2), at(10))


def test_the_block_of_ranks_reaches_from_the_first_to_the_last(file: RunFile) -> None:
    for rank, begin_s in ((0, 3.0), (1, 2.0)):
        file.join(1.0, json.dumps({"rank": rank}), f"host/{rank}/{rank}")
        file.event(begin_s, Event.RUN_BEGIN, source=f"host/{rank}/{rank}", id=ROOT)
        file.event(begin_s + 5, Event.END, source=f"host/{rank}/{rank}", id=ROOT)
    run = finished(file)
    assert (run.begin_ns, run.end_ns) == (at(2), at(8))


def test_a_program_begins_with_its_block_or_else_where_it_joined(file: RunFile) -> None:
    file.join(1.0, "{}")
    file.join(4.0, json.dumps({"rank": 1}), "host/1/1")
    file.event(2.0, Event.RUN_BEGIN, source=SOURCE, id=ROOT)
    run = finished(file)
    assert run.program_begin_ns(SOURCE) == at(2)
    assert run.program_begin_ns("host/1/1") == at(4)
    assert run.program_begin_ns("host/2/2") == run.begin_ns


def test_interrupted_run_ends_with_its_last_row(file: RunFile) -> None:
    file.event(3.0, Event.NOTE, name="so far")
    file.kill()
    run = read_run(file.path)
    assert (run.status, run.end_ns) == ("interrupted", at(3.0))


def test_run_without_rows_lasted_no_time(file: RunFile) -> None:
    file.kill()
    run = read_run(file.path)
    assert (run.duration_s, run.epochs, run.trace("cpu0")) == (0.0, (), None)


def test_epochs_carry_their_last_metrics(file: RunFile) -> None:
    file.epoch(1, 0, 2, accuracy=0.25)
    file.epoch(2, 2, 4, accuracy=0.5)
    late = {"source": SOURCE, "parent": 100 * ROOT + 2, "name": "accuracy", "value": 0.75}
    file.event(4.5, Event.METRIC, **late)
    epochs = finished(file).epochs
    assert [dict(epoch.metrics) for epoch in epochs] == [{"accuracy": 0.25}, {"accuracy": 0.75}]
    assert (epochs[0].begin_ns, epochs[0].end_ns) == (at(0), at(2))


def test_what_no_epoch_and_no_span_logged_is_the_runs_own(file: RunFile) -> None:
    described = {"root": ROOT, "name": "train.py"}
    file.event(0.0, Event.NOTE, source=SOURCE, id=ROOT, name="source", text=json.dumps(described))
    file.epoch(1, 0, 2, SOURCE, ROOT, accuracy=0.25)
    for parent, name, value in ((ROOT, "fid", 9.0), (ROOT, "fid", 8.0), (None, "cost", 3.0)):
        file.event(5.0, Event.METRIC, source=SOURCE, parent=parent, name=name, value=value)
    assert dict(finished(file).closing_metrics) == {"fid": 8.0, "cost": 3.0}


def test_epoch_without_an_end_is_open_until_the_last_row(file: RunFile) -> None:
    file.epoch(1, 1, None)
    file.event(3.0, Event.NOTE, name="so far")
    file.kill()
    (epoch,) = read_run(file.path).epochs
    assert (epoch.open, epoch.end_ns) == (True, at(3.0))


def test_mark_that_was_sent_twice_counts_once(file: RunFile) -> None:
    file.epoch(1, 1, None)
    file.epoch(1, 2, 3)
    (epoch,) = finished(file).epochs
    assert (epoch.begin_ns, epoch.end_ns) == (at(1), at(3))


def test_metric_that_is_null_is_not_a_number(file: RunFile) -> None:
    file.event(1.0, Event.METRIC, source=SOURCE, name="loss")
    (metric,) = finished(file).metrics
    assert math.isnan(metric.value)


def test_spans_nest_and_keep_their_metrics(file: RunFile) -> None:
    marks = {"source": SOURCE}
    file.event(1, Event.SPAN_BEGIN, id=2, parent=ROOT, name="evaluate", **marks)
    file.event(2, Event.SPAN_BEGIN, id=3, parent=2, name="forward", **marks)
    file.event(2.5, Event.METRIC, parent=3, name="batches", value=7.0, **marks)
    file.event(3, Event.SPAN_END, id=3, **marks)
    file.event(4, Event.SPAN_END, id=2, **marks)
    (outer,) = finished(file).spans
    (inner,) = outer.children
    assert (outer.name, outer.end_ns, outer.open) == ("evaluate", at(4), False)
    assert (inner.name, inner.begin_ns, dict(inner.metrics)) == ("forward", at(2), {"batches": 7.0})


def test_spans_that_name_each_other_do_not_go_round_for_ever(file: RunFile) -> None:
    for one, other in ((2, 3), (3, 2)):
        marks = {"source": SOURCE, "id": one, "parent": other, "name": "odd"}
        file.event(1, Event.SPAN_BEGIN, **marks)
    (outer,) = finished(file).spans
    (inner,) = outer.children
    assert (outer.id, inner.id, inner.children) == (2, 3, ())


def test_marks_of_a_thread_belong_to_its_program(file: RunFile) -> None:
    file.join(0, "{}")
    file.epoch(1, 1, None)
    end = {"source": f"{SOURCE}/Thread-1", "id": 100 * ROOT + 1, "value": 1.0}
    file.event(2, Event.EPOCH_END, **end)
    (epoch,) = finished(file).epochs
    assert (epoch.source, epoch.end_ns) == (SOURCE, at(2))


def test_ranks_count_their_marks_for_themselves_and_rank_zero_leads(file: RunFile) -> None:
    for rank in (1, 0):
        name = f"host/{rank}/{rank + 10}"
        file.join(0, json.dumps({"rank": rank, "program": {"pid": rank + 10}}), name)
        file.epoch(1, 1, 2, name, accuracy=float(rank))
    run = finished(file)
    assert [(s.rank, s.pid) for s in run.sources] == [(1, 11), (0, 10)]
    assert len(run.epochs) == 2
    assert [dict(epoch.metrics) for epoch in run.lead_epochs] == [{"accuracy": 0.0}]


def test_of_two_programs_in_one_process_the_first_leads(file: RunFile) -> None:
    for root in (1, 2):
        file.join(root, json.dumps({"name": f"model-{root}"}), root=root)
        file.epoch(1, root, root + 0.5, root=root, accuracy=root / 4)
    run = finished(file)
    assert [source.name for source in run.sources] == ["model-1", "model-2"]
    assert [dict(epoch.metrics) for epoch in run.lead_epochs] == [{"accuracy": 0.25}]


def test_source_without_epochs_does_not_lead(file: RunFile) -> None:
    file.join(0, json.dumps({"name": "the command"}), "host/-/7", root=7)
    file.join(1, json.dumps({"name": "the loop"}))
    file.epoch(1, 1, 2, accuracy=0.5)
    assert len(finished(file).lead_epochs) == 1


def test_labels_of_the_recording_come_before_those_of_who_joined(file: RunFile) -> None:
    file.join(0, json.dumps({"labels": {"size": 9, "seed": 3}}))
    file.event(1, Event.NOTE, name="labels", text=json.dumps({"tuned": True}))
    assert finished(file).labels == {"size": 1, "seed": 3, "tuned": True}


def test_gap_is_closed_by_the_row_of_its_number(file: RunFile) -> None:
    file.event(1, Event.GAP, channel="cpu0", id=1, text="device lost")
    file.event(1, Event.GAP, channel="cpu0", id=1, value=12.5, duration_s=2.0)
    file.event(5, Event.GAP, channel="cpu0", id=2, text="gone for good")
    closed, still_open = finished(file).gaps
    assert (closed.begin_ns, closed.end_ns, closed.open) == (at(1), at(3), False)
    assert (closed.reason, closed.hidden_j) == ("device lost", 12.5)
    assert (still_open.end_ns, still_open.open) == (at(10), True)


def test_channel_that_appears_half_way_is_known_by_its_row(file: RunFile) -> None:
    file.introduce(4, counter("late"), 3.0)
    file.count("late", every(0.1, 4, 6), 10.0)
    run = finished(file)
    readings = run.readings("late")
    assert readings is not None
    assert set(run.channels) == {"cpu0", "late"}
    assert (readings.begin_ns, readings.end_ns) == (at(4), at(6))


def test_suspend_and_a_wall_clock_that_was_set_show_between_anchors(file: RunFile) -> None:
    for time_s, wall_s, asleep_s in ((0, 0.0, 5.0), (4, 0.001, 5.0), (8, 3600.0, 7.0)):
        anchor = {"id": at(time_s), "value": wall_s, "duration_s": asleep_s}
        file.event(time_s, Event.ANCHOR, **anchor)
    run = finished(file)
    (suspend,) = run.suspends
    assert suspend.begin_ns == at(4)
    assert suspend.asleep_s == pytest.approx(2.0)
    assert [step.step_s for step in run.wall_steps] == [pytest.approx(3600.0, rel=1e-3)]


def test_losses_are_counted_once(file: RunFile) -> None:
    file.event(8, Event.NOTE, source="host/0/1", name="dropped_marks", value=3.0)
    file.event(9, Event.NOTE, source="host/1/2", name="dropped_marks", value=2.0)
    file.event(9, Event.NOTE, name="missed_deadlines", value=4.0, text="powercap")
    run = finished(file)
    assert (run.dropped_marks, run.missed_deadlines) == (5, {"powercap": 4})


def test_contention_is_told(file: RunFile) -> None:
    file.event(2, Event.CONTENTION, channel="gpu0", value=3.0, text="1, 2, 3")
    (contention,) = finished(file).contentions
    assert (contention.channel, contention.processes) == ("gpu0", 3)


def test_description_that_cannot_be_read_is_an_error_of_the_file(file: RunFile) -> None:
    file.event(1, Event.CHANNEL, channel="cpu0", text="{not JSON")
    with pytest.raises(NotARunError, match=r"run\.arrow"):
        _ = finished(file).channels


def test_why_the_epochs_ended_is_a_value_parsed_from_the_file(tmp_path: Path) -> None:
    with RunFile(tmp_path / "stopped.arrow") as file:
        file.event(4.0, Event.NOTE, name="stop", text="max-epochs: 8")
        file.event(5.0, Event.NOTE, name="stop", text="energy-budget: 2.00 kJ used")
        file.end(9.0)
    run = read_run(file.path)
    assert run.stopped_by == Reason(StopKind.ENERGY_BUDGET, "2.00 kJ used")
    with RunFile(tmp_path / "unstopped.arrow") as other:
        other.end(9.0)
    assert read_run(other.path).stopped_by is None


def measured(file: RunFile) -> RecordedRun:
    """Ten seconds at 20 W from the first second on, with two epochs and a nested span."""
    file.count("cpu0", every(0.1, 0, 10), 20.0)
    file.epoch(1, 1, 4, accuracy=0.25)
    file.epoch(2, 4, 8, accuracy=0.5, loss=0.1, energy_j=3.0)
    file.event(1.0, Event.SPAN_BEGIN, source=SOURCE, id=7, parent=ROOT, name="all")
    file.event(2.0, Event.SPAN_BEGIN, source=SOURCE, id=8, parent=7, name="part")
    file.event(3.0, Event.SPAN_END, source=SOURCE, id=8)
    file.event(9.0, Event.SPAN_END, source=SOURCE, id=7)
    return finished(file)


def values_j(*energies: Energy | None) -> list[float | None]:
    return [None if energy is None else round(energy.value_j, 3) for energy in energies]


def test_a_run_its_epochs_and_its_spans_have_energies(file: RunFile) -> None:
    run = measured(file)
    (span,) = run.spans
    assert values_j(run.energy(), *(epoch.energy for epoch in run.epochs)) == [200.0, 60.0, 80.0]
    assert values_j(span.energy, span.children[0].energy) == [160.0, 20.0]
    assert run.breakdown(at(1), at(3)).total == run.breakdown(at(1), at(3)).channels[0].energy


def test_each_window_is_computed_once(file: RunFile) -> None:
    run = measured(file)
    assert run.breakdown() is run.breakdown(run.begin_ns, run.end_ns)
    energy = run.epochs[0].energy
    assert energy is not None
    run.recording.release()
    file.path.unlink()
    assert run.epochs[0].energy == energy


def test_an_energy_that_no_reading_shows_is_none(file: RunFile) -> None:
    file.epoch(1, 1, 4)
    run = finished(file)
    assert values_j(run.energy(), run.epochs[0].energy) == [None, None]
    assert str(run) == "lenet-1: completed, 10 s, 1 epoch, energy not known"
    assert run.to_table().column("energy_j").to_pylist() == [None]


def test_a_run_prints_on_one_line(file: RunFile) -> None:
    run = measured(file)
    assert str(run).startswith("lenet-1: completed, 10 s, 2 epochs, 200.0")
    assert repr(run) == f"<RecordedRun 'lenet-1' from {str(file.path)!r}>"


def test_a_table_has_a_row_for_each_epoch(file: RunFile) -> None:
    run = measured(file)
    first, second = run.to_table().to_pylist()
    assert (first["run"], first["epoch"], first["accuracy"]) == ("lenet-1", 1, 0.25)
    assert (first["begin_s"], first["end_s"]) == (pytest.approx(1.0), pytest.approx(4.0))
    assert second["duration_s"] == pytest.approx(4.0)
    energy = run.epochs[1].energy
    assert energy is not None
    figures = tuple(second[f"energy_{name}"] for name in ("j", "low_j", "high_j"))
    assert figures == (energy.value_j, energy.low_j, energy.high_j)
    assert first["loss"] is None
    assert second["loss"] == 0.1


def test_a_metric_named_like_a_column_stays_apart(file: RunFile) -> None:
    second = measured(file).to_table().to_pylist()[1]
    assert second["metric:energy_j"] == 3.0


def test_a_run_without_epochs_is_a_table_without_rows(file: RunFile) -> None:
    table = finished(file).to_table()
    assert table.num_rows == 0
    assert "energy_low_j" in table.column_names


def test_a_run_prints_nothing_that_a_terminal_would_obey(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(name="\x1b]0;title\x07")) as hostile:
        hostile.end(1.0, "failed: \x1b[2J")
    shown = str(read_run(hostile.path))
    assert shown.startswith("\\x1b]0;title\\x07: failed: \\x1b[2J, 1 s")
