"""Labelled runs as observations, and what is said where labels or runs do not fit together."""

import math
from pathlib import Path
from typing import Any

import pytest

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.result import build_framework
from effmeter.errors import UsageError
from effmeter.recorded.reading import read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.stopping import MaxEpochs, parse_criteria
from tests.analysis.labelled_runs import POWER_W, labelled_run
from tests.recorded.job_files import Host
from tests.recorded.nested_runs import Inner, write_nested

LABELS: dict[str, Any] = {"architecture": "lenet", "dataset": "digits", "size": 1, "seed": 0}
TWO_EPOCHS = {"epochs": MaxEpochs(2)}


def make(folder: Path, name: str, *args: Any, **changed: Any) -> RecordedRun:
    return labelled_run(folder / f"{name}.arrow", *args, **{**LABELS, **changed})


def test_one_recording_serves_all_criteria(tmp_path: Path) -> None:
    texts = ["epochs=5", "accuracy=0.85", "patience=2", "energy=150J"]
    found = observe([make(tmp_path, "run")], parse_criteria(texts))
    assert {seen.criterion: seen.epochs for seen in found.observed} == {
        "epochs": 5,
        "accuracy": 3,
        "patience": 5,
        "energy": 2,
    }
    assert found.criteria["patience"] == "patience=accuracy:2"
    first = found.observed[0]
    assert str(first.trial) == "lenet size 1 seed 0 on digits"
    assert (first.host, first.cover, first.estimated) == ("host", ("cpu0",), ())
    assert first.source == str(tmp_path / "run.arrow")


def test_runs_become_means_over_sizes_and_seeds(tmp_path: Path) -> None:
    runs = [
        make(tmp_path, f"run-{size}-{seed}", size=size, seed=seed, power_w=POWER_W * size + seed)
        for size in (1, 2)
        for seed in (0, 1)
    ]
    (mean,) = build_framework(observe(runs, TWO_EPOCHS)).all.sizes
    assert mean.efficiency_per_j is not None
    expected = sum(0.8 / (2 * p) for p in (100, 101, 200, 201)) / 4
    assert mean.efficiency_per_j.value == pytest.approx(expected, rel=1e-4)
    assert mean.efficiency_per_j.sources == ("energy", "seeds")


def test_runs_inside_a_command_are_compared_and_the_command_is_not(tmp_path: Path) -> None:
    inner = [
        Inner(f"seed-{seed}", begin_s, begin_s + 4, None, {**LABELS, "seed": seed}, (0.5, 0.8))
        for seed, begin_s in enumerate((0, 5))
    ]
    runs = read_runs(write_nested(tmp_path / "own.arrow", inner))
    found = observe(runs, TWO_EPOCHS)
    assert [seen.trial.seed for seen in found.observed] == [0, 1]
    assert found.observed[1].source == f"{tmp_path / 'own.arrow'}: seed-1"
    assert found.warnings[0] == (
        f"{tmp_path / 'own.arrow'} left out: it has no epochs of its own, and 2 runs inside it"
    )


def test_runs_that_shared_the_time_of_a_machine_are_named(tmp_path: Path) -> None:
    inner = [
        Inner(f"seed-{seed}", begin_s, begin_s + 4, None, {**LABELS, "seed": seed}, (0.5, 0.8))
        for seed, begin_s in enumerate((0, 3))
    ]
    path = write_nested(tmp_path / "own.arrow", inner)
    runs = read_runs(path)
    assert observe(runs, TWO_EPOCHS).warnings[1] == (
        "2 of 2 runs shared the time of a machine: each energy, and every mean of them, holds "
        f"that of the whole machine: {path}: seed-0, {path}: seed-1"
    )


def test_the_hosts_of_a_job_are_one_observation(tmp_path: Path) -> None:
    for host in (Host("a", 0, 20.0), Host("b", 1, 50.0, begin_s=99.0, epochs_s=(4.0, 1.0))):
        host.write(tmp_path, labels=LABELS)
    runs = read_runs(tmp_path)
    (seen,) = observe(runs, TWO_EPOCHS).observed
    assert seen.energy.value_j == pytest.approx(5 * 20.0 + 5 * 50.0, rel=1e-3)
    assert (seen.host, seen.cover) == ("a + b", ("a/cpu0", "b/cpu0"))
    with pytest.raises(UsageError, match="power samples are of one host, and several recorded job"):
        observe(runs, TWO_EPOCHS, energy="power-samples")


def test_a_run_is_not_compared_with_another_inside_it(tmp_path: Path) -> None:
    inner = [
        Inner("outer", 0, 9, None, LABELS, (0.5, 0.8)),
        Inner("inner", 1, 5, "outer", {**LABELS, "seed": 1}, (0.5, 0.8)),
    ]
    runs = read_runs(write_nested(tmp_path / "own.arrow", inner))
    with pytest.raises(UsageError, match=r"inner ran inside .*outer.* includes it: .*--label"):
        observe(runs, TWO_EPOCHS)
    assert len(observe(runs[2:], TWO_EPOCHS).observed) == 1


def test_what_is_not_observed_is_told_with_its_run(tmp_path: Path) -> None:
    runs = [
        make(tmp_path, "short", [0.5], seed=1),
        make(tmp_path, "diverged", losses={1: math.inf}, seed=2),
        make(tmp_path, "none", [], seed=3, status="failed: OutOfMemoryError"),
        make(tmp_path, "whole"),
    ]
    found = observe(runs, TWO_EPOCHS)
    assert [Path(seen.source).stem for seen in found.observed] == ["whole"]
    assert {Path(seen.source).stem: seen.reason for seen in found.unobserved} == {
        "short": "not met in 1 epoch",
        "diverged": "diverged: loss is inf at epoch 1",
        "none": "no epoch ended (failed: OutOfMemoryError)",
    }


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        ({"architecture": None}, {}, "no label architecture: {first}: label runs"),
        (
            {"architecture": None},
            {"architecture": None},
            "no label architecture: {first}, {second}",
        ),
        ({"dataset": None}, {}, "no label dataset: {first}"),
        ({}, {}, r"equal labels \(lenet size 1 seed 0 on digits\): {first}, {second}: give each a"),
        ({"size": "big"}, {}, "{first}: the label size is no number: 'big'"),
        ({}, {"seed": 1, "host": "other"}, "hosts differ.* host: {first}; other: {second}"),
        ({}, {"seed": 1, "channel": "cpu1"}, "covers differ.* cpu0: {first}; cpu1: {second}"),
        (
            {"batch_size": 64},
            {"architecture": "bcnn", "batch_size": 256},
            "batch sizes differ.* 64: {first}; 256: {second}",
        ),
    ],
)
def test_labels_that_are_missing_or_do_not_fit_are_one_line_that_names_the_runs(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], complaint: str
) -> None:
    runs = [make(tmp_path, "first", **first), make(tmp_path, "second", **second)]
    named = {name: str(tmp_path / f"{name}.arrow") for name in ("first", "second")}
    with pytest.raises(UsageError, match=complaint.format(**named)) as caught:
        observe(runs, TWO_EPOCHS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "complaint"),
    [
        (
            {"method": "dense"},
            {"method": "ssprop:drop=0.5", "seed": 1},
            "runs of lenet on digits differ in method, .* method=dense: {first}; "
            "method=ssprop:drop=0.5: {second}: .* --label method=dense",
        ),
        (
            {"method": "dense"},
            {"method": "ssprop"},
            "differ in method, .* --label method=dense",
        ),
        (
            {},
            {"seed": 1, "learning_rate": 0.1},
            "no learning_rate: {first}; .* --label learning_rate=0.1",
        ),
        (
            {"method": "ssprop", "stop": "epochs<=5"},
            {"method": "ssprop", "stop": "epochs<=9", "seed": 1},
            "differ in stop, .* --label 'stop=epochs<=5'",
        ),
    ],
)
def test_runs_of_one_architecture_that_were_trained_otherwise_are_refused(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], complaint: str
) -> None:
    runs = [make(tmp_path, "first", **first), make(tmp_path, "second", **second)]
    named = {name: str(tmp_path / f"{name}.arrow") for name in ("first", "second")}
    with pytest.raises(UsageError, match=complaint.format(**named)) as caught:
        observe(runs, TWO_EPOCHS)
    assert "\n" not in str(caught.value)
    assert "equal labels" not in str(caught.value)


def test_architectures_may_differ_in_their_settings_and_recordings_in_their_end(
    tmp_path: Path,
) -> None:
    runs = [
        make(tmp_path, "first", stop="epochs<=5"),
        make(tmp_path, "second", stop="epochs<=9", seed=1),
        make(tmp_path, "other", architecture="bcnn", samples=8),
    ]
    assert len(observe(runs, TWO_EPOCHS).observed) == 3


def test_data_sets_may_go_unnamed_everywhere(tmp_path: Path) -> None:
    (seen,) = observe([make(tmp_path, "run", dataset=None)], TWO_EPOCHS).observed
    assert (seen.trial.dataset, str(seen.trial)) == ("", "lenet size 1 seed 0")


def test_sizes_that_one_architecture_lacks_are_named_with_their_runs(tmp_path: Path) -> None:
    runs = [
        make(tmp_path, "a1"),
        make(tmp_path, "a2", size=2),
        make(tmp_path, "b1", architecture="bcnn"),
    ]
    (warning,) = observe(runs, TWO_EPOCHS).warnings
    assert warning == (
        f"sizes differ between architectures on digits: only lenet has 2 ({tmp_path}/a2.arrow)"
    )


def test_an_unfinished_run_gives_way_to_a_completed_one_of_its_labels(tmp_path: Path) -> None:
    runs = [make(tmp_path, "broken", [0.5], status="failed: KeyboardInterrupt")]
    runs.append(make(tmp_path, "again"))
    found = observe(runs, TWO_EPOCHS)
    assert [Path(seen.source).stem for seen in found.observed] == ["again"]
    assert "broken.arrow left out (failed: KeyboardInterrupt)" in found.warnings[0]


@pytest.mark.parametrize("channel", ["gpu0-power", "cpu0"])
def test_power_samples_are_summed_as_published_with_a_warning(tmp_path: Path, channel: str) -> None:
    run = make(tmp_path, "run", channel=channel)
    found = observe([run], TWO_EPOCHS, energy="power-samples")
    (seen,) = found.observed
    # two seconds at ten readings of 100 W each second
    assert seen.energy.value_j == pytest.approx(2000, rel=1e-6)
    assert math.isnan(seen.energy.low_j)
    assert seen.quantity == "power-samples"
    assert found.warnings[0].startswith("power samples in place of energy")


def test_budgets_count_joules_whatever_is_summed(tmp_path: Path) -> None:
    run = make(tmp_path, "run")
    (seen,) = observe([run], parse_criteria(["energy=250J"]), energy="power-samples").observed
    assert seen.epochs == 3


def test_another_quantity_is_a_mistake_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="energy is one of joules, power-samples, not 'watts'"):
        observe([make(tmp_path, "run")], TWO_EPOCHS, energy="watts")
