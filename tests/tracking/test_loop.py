"""What a training loop gets from ``track``."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import effmeter
from effmeter.clock import now_ns
from effmeter.errors import EffmeterWarning, RunFileError
from effmeter.recorded.reading import read_run, read_runs
from tests.recording import let_pass, longest_unread_s, only_run, sure_bounds
from tests.simulated.machine import SimulatedMachine
from tests.simulated.powercap import package
from tests.simulated.waveforms import constant

pytestmark = pytest.mark.usefixtures("machine")

REFRESH_S = 0.001
"""Of the simulated packages' counters."""


def test_the_energy_of_each_epoch_holds_the_truth_across_wraps(
    machine: SimulatedMachine, runs: Path
) -> None:
    machine.driver.lateness_s()
    with effmeter.track("lenet", rate_hz=100) as run:
        for _ in run.epochs(stop=effmeter.MaxEpochs(4)):
            let_pass(0.8)
    recorded = only_run(runs)
    lateness_s = machine.driver.lateness_s()
    wraps = held = 0
    for channel in ("cpu0", "cpu1", "dram0"):
        peak_w = machine.waveform(channel).peak_w
        slack_j = 2 * lateness_s * peak_w
        widest_j = peak_w * (longest_unread_s(recorded, channel) + 2 * REFRESH_S)
        trace = recorded.trace(channel)
        assert trace is not None
        for epoch in recorded.epochs:
            window_ns = epoch.begin_ns, epoch.end_ns
            energy, bounds = trace.energy(*window_ns), sure_bounds(recorded, channel, *window_ns)
            truth_j = machine.true_energy_j(channel, *window_ns)
            assert energy is not None
            assert bounds.low_j - slack_j <= truth_j <= bounds.high_j + slack_j
            assert energy.half_width_j <= widest_j
            held += energy.low_j - slack_j <= truth_j <= energy.high_j + slack_j
        wraps += machine.true_energy_j(channel, recorded.begin_ns, recorded.end_ns) > 150
    assert wraps == 2
    assert held >= 10, "of twelve intervals of 95 %"


def test_epochs_spans_and_metrics_stand_in_the_file_as_they_were_nested(runs: Path) -> None:
    with effmeter.track("net", labels={"size": np.int64(3), "seed": 0}) as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            with run.span("forward"), run.span("layer"):
                run.log(loss=1.5)
            epoch.log(accuracy=epoch.number / 2)
    recorded = only_run(runs)
    assert recorded.status == "completed"
    assert recorded.labels == {"size": 3, "seed": 0}
    assert [(e.number, dict(e.metrics), e.open) for e in recorded.epochs] == [
        (1, {"accuracy": 0.5}, False),
        (2, {"accuracy": 1.0}, False),
    ]
    assert [s.name for s in recorded.spans] == ["forward", "forward"]
    (layer,) = recorded.spans[0].children
    assert (layer.name, dict(layer.metrics)) == ("layer", {"loss": 1.5})
    assert recorded.spans[0].parent == recorded.epochs[0].id


def test_spans_of_several_threads_do_not_mix(runs: Path) -> None:
    import polars as pl

    with effmeter.track("threads") as run:

        def load() -> None:
            with run.span("load"):
                pass

        with run.span("train"):
            loader = threading.Thread(target=load, name="loader")
            loader.start()
            loader.join()
    recorded = only_run(runs)
    assert {span.name: len(span.children) for span in recorded.spans} == {"train": 0, "load": 0}
    rows = pl.read_ipc(recorded.paths[0]).filter(pl.col("name") == "load")
    assert rows["source"].str.ends_with("/loader").to_list() == [True]


def test_breaking_out_of_the_loop_closes_the_epoch(runs: Path) -> None:
    with effmeter.track("broken") as run:
        for _ in run.epochs():
            break
    (epoch,) = only_run(runs).epochs
    assert not epoch.open
    assert epoch.reason == "left early"


def test_an_epoch_whose_iterator_is_held_ends_at_its_last_mark(runs: Path) -> None:
    with effmeter.track("held") as run:
        epochs = run.epochs()
        for epoch in epochs:
            epoch.log(loss=1.0)
            break
        let_pass(0.2)
    recorded = only_run(runs)
    (left,) = recorded.epochs
    assert recorded.end_ns - left.end_ns >= 0.2e9
    assert not left.open


def test_an_exception_passes_through_and_stands_in_the_file(runs: Path) -> None:
    def train() -> None:
        with effmeter.track("failing") as run:
            for _ in run.epochs():
                _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        train()
    recorded = only_run(runs)
    assert str(recorded.detailed_status) == "failed: ZeroDivisionError"
    assert [e.open for e in recorded.epochs] == [False]


def test_a_decorated_function_is_a_run_each_time_it_is_called(runs: Path) -> None:
    @effmeter.track("decorated")
    def train(value: int) -> int:
        return value + 1

    assert (train(1), train(2)) == (2, 3)
    assert train.__name__ == "train"
    assert [read_run(p).status for p in runs.iterdir()] == ["completed", "completed"]


def test_a_decorated_coroutine_is_recorded_until_it_is_awaited(runs: Path) -> None:
    @effmeter.track("coroutine")
    async def train() -> str:
        await asyncio.sleep(0)
        return "done"

    assert asyncio.run(train()) == "done"
    assert only_run(runs).status == "completed"


def test_energy_can_be_asked_for_while_training(machine: SimulatedMachine) -> None:
    with effmeter.track("asking") as run:
        began_ns = now_ns()
        let_pass(0.5)
        live = run.energy()
        asked_ns = now_ns()
    assert live is not None
    assert live.cover == ("cpu0", "cpu1", "dram0")
    assert (live.estimated, live.missing) == ((), ())
    truth_j = sum(machine.true_energy_j(c, began_ns, asked_ns) for c in live.cover)
    assert live.total.value_j == pytest.approx(truth_j, rel=0.25)
    assert live.total.value_j == pytest.approx(sum(e.value_j for e in live.components.values()))


def test_a_total_names_the_package_that_gives_it_no_figure(
    machine: SimulatedMachine, runs: Path
) -> None:
    machine.driver.fail("cpu1")
    with effmeter.track("partial") as run:
        let_pass(0.3)
        live = run.energy()
        with pytest.warns(EffmeterWarning, match="leaves out what cannot be read: cpu1"):
            run.epochs(stop=effmeter.EnergyBudget("1 MJ"))
    assert live is not None
    assert (live.cover, live.missing, live.partial) == (("cpu0", "dram0"), (), ("cpu1",))
    assert str(live).endswith("over cpu0, dram0; without cpu1")
    (missing,) = only_run(runs).breakdown().missing
    assert missing.what == "cpu1"


def test_the_summary_tells_file_epochs_metrics_and_energy(runs: Path) -> None:
    with effmeter.track("summed") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            epoch.log(accuracy=0.25)
    summary = run.summary()
    assert summary.path is not None
    assert summary.path.parent == runs
    assert (str(summary.status), summary.epochs, summary.metrics) == (
        "completed",
        2,
        {"accuracy": 0.25},
    )
    assert str(summary.stopped_by) == "max-epochs: 2"
    assert "summed: completed, 2 epochs" in str(summary)
    assert "over cpu0, cpu1, dram0" in str(summary)


def test_a_path_names_the_file_itself_and_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "mine.arrow"
    with effmeter.track(path) as run:
        pass
    assert run.path == path
    before = path.read_bytes()
    with pytest.raises(RunFileError, match=r"mine\.arrow is there already"), effmeter.track(path):
        pass
    assert path.read_bytes() == before


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tracker = effmeter.track("x", directory=tmp_path / "file" / "runs")
    with pytest.raises(RunFileError, match="cannot be created"), tracker:
        pass


def test_a_metric_that_is_no_number_is_refused(runs: Path) -> None:
    low: Any = "low"
    with effmeter.track("x") as run, pytest.raises(effmeter.UsageError, match="not a number"):
        run.log(loss=low)
    assert only_run(runs).status == "completed"


def test_the_environment_is_as_before_when_the_run_is_over() -> None:
    before = dict(os.environ)
    with effmeter.track("x"):
        assert "EFFMETER_RECORDING" in os.environ
    assert dict(os.environ) == before


def test_a_channel_that_appears_in_mid_run_is_in_the_file_and_polars_reads_it(
    machine: SimulatedMachine, runs: Path
) -> None:
    import polars as pl

    with effmeter.track("growing", rate_hz=50) as run:
        let_pass(0.2)
        machine.add_zone(package(2, constant(30.0)))
        let_pass(6.0)
    assert run.path is not None
    frame = pl.read_ipc(run.path)
    described = frame.filter(pl.col("event") == "channel")["channel"].to_list()
    assert described[-1] == "cpu2"
    assert frame.filter((pl.col("channel") == "cpu2") & pl.col("energy_j").is_not_null()).height > 1
    recorded = only_run(runs)
    assert "cpu2" not in [c.name for c in recorded.metadata.channels]
    trace = recorded.trace("cpu2")
    assert trace is not None
    energy = trace.energy(recorded.end_ns - 300_000_000, recorded.end_ns)
    assert energy is not None
    assert energy.value_j == pytest.approx(9.0, rel=0.1)


def test_runs_that_overlap_are_each_recorded_to_their_own_end(runs: Path) -> None:
    first, second = effmeter.track("first"), effmeter.track("second", join=False)
    first.start()
    run = second.start()
    first.stop()
    run.log(loss=2.0)
    second.stop()
    assert "EFFMETER_RECORDING" not in os.environ
    statuses = {run.name: run.status for run in map(read_run, runs.iterdir())}
    assert statuses == {"first": "completed", "second": "completed"}


def test_a_run_that_joined_an_ending_one_is_recorded_to_its_own_end(runs: Path) -> None:
    outer, inner = (effmeter.track(name).start() for name in ("outer", "inner"))
    outer.end()
    inner.log(loss=2.0)
    inner.end()
    recorded, inside = read_runs(runs)
    assert [source.name for source in recorded.recording.sources] == ["outer", "inner"]
    assert (recorded.metrics, [metric.value for metric in inside.metrics]) == ((), [2.0])
    assert (recorded.status, inside.status) == ("completed", "completed")


def test_the_epochs_of_a_run_inside_another_are_its_own(runs: Path) -> None:
    with effmeter.track("outer") as outer:
        for epoch in outer.epochs(stop=effmeter.MaxEpochs(2)):
            with effmeter.track("inner") as inner:
                for inside in inner.epochs(stop=effmeter.MaxEpochs(2)):
                    inside.log(accuracy=0.9)
            epoch.log(accuracy=epoch.number / 10)
    recorded, *trials = read_runs(runs)
    assert [e.metrics["accuracy"] for e in recorded.epochs] == [0.1, 0.2]
    assert [len(trial.epochs) for trial in trials] == [2, 2]


def test_each_stage_ends_by_its_own_criteria_and_the_file_holds_all_reasons(runs: Path) -> None:
    with effmeter.track("stages") as run:
        for _ in run.epochs(effmeter.MaxEpochs(2)):
            pass
        for epoch in run.epochs([effmeter.MaxEpochs(3), effmeter.EnergyBudget("1 MJ")]):
            epoch.log(accuracy=0.5)
    assert str(run.stopped_by) == "max-epochs: 3"
    recorded = only_run(runs)
    assert [epoch.number for epoch in recorded.epochs] == [1, 2, 3, 4, 5]
    notes = [(note.name, note.text) for note in recorded.notes]
    kept = [note for note in notes if note[0] in ("stop", "budget")]
    assert kept == [
        ("stop", "max-epochs: 2"),
        ("budget", "1.00 MJ over cpu0, cpu1, dram0"),
        ("stop", "max-epochs: 3"),
    ]
    assert str(recorded.stopped_by) == "max-epochs: 3"


def test_a_run_that_is_left_open_swallows_no_later_one(runs: Path) -> None:
    forgotten = effmeter.track("forgotten")
    forgotten.start()
    for size in (1, 2):
        with effmeter.track(f"later-{size}", labels={"size": size}) as run:
            run.log(loss=size)
    forgotten.stop()  # at the end of a session, if at all
    found = {run.name: run for run in read_runs(runs)}
    assert found["forgotten"].labels == {}
    for size in (1, 2):
        later = found[f"later-{size}"]
        assert (later.status, later.labels) == ("completed", {"size": size})
        assert dict(later.closing_metrics) == {"loss": size}
        assert later.parent_run_id == found["forgotten"].run_id


def test_leaving_by_exit_zero_is_no_failure(runs: Path) -> None:
    def train() -> None:
        with effmeter.track("leaving"):
            sys.exit(0)

    with pytest.raises(SystemExit):
        train()
    assert only_run(runs).status == "completed"


def test_a_signal_handler_may_mark_whatever_it_interrupts(runs: Path) -> None:
    noted = 0

    def note(*_: object) -> None:
        nonlocal noted
        noted += 1
        run.note("signal", "here")

    with effmeter.track("signalled") as run:
        before = signal.signal(signal.SIGALRM, note)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        for number in range(20_000):
            run.log(loss=float(number))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    recorded = only_run(runs)
    assert noted > 0
    kept = len(recorded.metrics) + len([n for n in recorded.notes if n.name == "user:signal"])
    assert kept + recorded.dropped_marks == 20_000 + noted


def test_the_recorder_loads_no_pandas_which_pyarrow_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Path
) -> None:
    """A stand-in for an installed pandas that tells when it is imported."""
    told = tmp_path / "pandas-was-imported"
    (tmp_path / "pandas.py").write_text(f"import pathlib; pathlib.Path({str(told)!r}).touch()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with effmeter.track("net"):
        let_pass(0.1)
    assert only_run(runs).status == "completed"
    assert not told.exists()
