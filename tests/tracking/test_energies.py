"""The energies of epochs and spans, asked for in the loop."""

from pathlib import Path

import pytest

import effmeter
from tests.recording import let_pass, only_run
from tests.simulated.machine import SimulatedMachine

COVER = ("cpu0", "cpu1", "dram0")


def truth_j(machine: SimulatedMachine, stretch: effmeter.Epoch | effmeter.Span) -> float:
    assert stretch.end_ns is not None
    return sum(machine.true_energy_j(c, stretch.begin_ns, stretch.end_ns) for c in COVER)


def test_an_epoch_and_a_span_know_their_energy_once_they_have_ended(
    machine: SimulatedMachine, runs: Path
) -> None:
    stretches: list[effmeter.Epoch | effmeter.Span] = []
    in_the_loop: list[effmeter.Energy | None] = []
    before_the_end: list[effmeter.Energy | None] = []
    with effmeter.track("energies", rate_hz=50) as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(3)):
            before_the_end.append(epoch.energy)
            let_pass(0.3)
            with run.span("evaluation") as span:
                before_the_end.append(span.energy)
                let_pass(0.5)
            in_the_loop.append(span.energy)
            stretches += [span, epoch]
    assert before_the_end == [None] * 6
    assert None not in in_the_loop
    recorded = only_run(runs)
    read_back = [s for pair in zip(recorded.spans, recorded.epochs, strict=True) for s in pair]
    slack_j = 2 * machine.driver.lateness_s() * 200
    for stretch, recorded_stretch in zip(stretches, read_back, strict=True):
        energy, settled = stretch.energy, recorded_stretch.energy
        assert energy is not None
        assert settled is not None
        assert energy.low_j - slack_j <= truth_j(machine, stretch) <= energy.high_j + slack_j
        assert energy.value_j == pytest.approx(truth_j(machine, stretch), rel=0.25)
        assert energy.low_j <= settled.value_j <= energy.high_j


def test_a_run_that_is_not_measured_has_no_energies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    tracker = effmeter.track("unmeasured", directory=tmp_path)
    with pytest.warns(effmeter.EffmeterWarning, match="not measured"):
        run = tracker.start()
    with run.span("s") as span:
        pass
    epochs = list(run.epochs(stop=effmeter.MaxEpochs(1)))
    tracker.stop()
    assert (span.energy, epochs[0].energy) == (None, None)


@pytest.mark.usefixtures("machine")
def test_epochs_in_which_no_energy_is_asked_for_do_not_wait() -> None:
    with effmeter.track("unasked") as run:
        epochs = list(run.epochs(stop=effmeter.MaxEpochs(200)))
    assert [epoch.number for epoch in epochs] == list(range(1, 201))
    assert epochs[-1].energy is not None


def test_what_was_not_started_cannot_be_stopped() -> None:
    with pytest.raises(effmeter.UsageError, match="no run has been started"):
        effmeter.track("x").stop()
