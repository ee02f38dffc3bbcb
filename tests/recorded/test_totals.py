"""Totals computed together are those of each window; their number does not multiply the work."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effmeter.channel import Channel, Component
from effmeter.recorded.breakdown import total_over
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.recorded.totals import totals_over
from tests.runfile.writing import RunFile, counter, every, gauge, metadata

COUNTER = counter("gpu0", Component.GPU, device="GPU-1", gain_error_fraction=0.05, refresh_s=0.1)
BESIDE = gauge("gpu0-power", device="GPU-1", contained_in="gpu0", window_s=0.1)
PROCESSOR = counter("cpu0")


def run_of(folder: Path, *channels: Channel, epochs: int = 8) -> RecordedRun:
    """A GPU whose two sensors disagree, beside a processor."""
    with RunFile(folder / "run.arrow", metadata(channels=channels)) as file:
        file.join(0.0, "{}")
        file.count("gpu0", every(0.1, 0, 20), 300.0)
        file.show("gpu0-power", every(0.1, 0, 20), 100.0)
        file.count("cpu0", every(0.1, 0, 20), 50.0)
        for number in range(epochs):
            begin_s, end_s = (20 * k / epochs for k in (number, number + 1))
            file.epoch(number + 1, begin_s, end_s, accuracy=0.5)
    return read_run(file.path)


def test_totals_of_many_windows_are_those_of_each(tmp_path: Path) -> None:
    run = run_of(tmp_path, COUNTER, BESIDE, PROCESSOR)
    assert run.disagreeing == {"gpu0": ("gpu0-power",)}
    generator = np.random.default_rng(2)
    begins = generator.integers(run.begin_ns - 10**9, run.end_ns, 50)
    ends = begins + generator.integers(0, 10**10, 50)
    windows = list(zip(begins.tolist(), ends.tolist(), strict=True))
    found = totals_over(run.recording, run.epoch_cover, windows)
    assert found is not None
    for window in windows:
        assert found.of(window) == total_over(run.recording, run.epoch_cover, *window)


def test_the_energies_of_all_epochs_are_computed_at_once(tmp_path: Path) -> None:
    run = run_of(tmp_path, COUNTER, BESIDE, PROCESSOR, epochs=40)
    run.compute_energies()
    run.recording.release()
    run.paths[0].unlink()
    energies = [epoch.energy for epoch in run.epochs]
    assert len(energies) == 40
    assert sum(e.value_j for e in energies if e is not None) == pytest.approx(20 * 350, rel=0.01)


def test_energies_over_a_cover_that_changes_are_computed_at_once_too(tmp_path: Path) -> None:
    """Not by reading the channels of a large recording again for each epoch."""
    standing = replace(COUNTER, least_power_w=1.0)
    with RunFile(tmp_path / "run.arrow", metadata(channels=(standing, BESIDE))) as file:
        file.join(0.0, "{}")
        for time_s in every(0.1, 0, 20):
            file.row(time_s, channel="gpu0", energy_j=100.0 * min(time_s, 8.0))
        file.show("gpu0-power", every(0.1, 0, 20), 100.0)
        for number in range(20):
            file.epoch(number + 1, number, number + 1, accuracy=0.5)
    run, again = read_run(file.path), read_run(file.path)
    assert len(run.epoch_cover.stretches) == 2
    run.compute_energies()
    run.recording.release()
    expected = [
        total_over(again.recording, again.epoch_cover, epoch.begin_ns, epoch.end_ns)
        for epoch in again.epochs
    ]
    run.paths[0].unlink()
    assert [epoch.energy for epoch in run.epochs] == expected
    assert None not in expected


def test_a_cover_of_nothing_has_no_totals(tmp_path: Path) -> None:
    run = run_of(tmp_path, COUNTER)
    assert totals_over(run.recording, run.epoch_cover, []) is None
