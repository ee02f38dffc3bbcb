"""Live energies of a run: the recorder's totals less what was used before the run began."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effmeter.energy import Energy
from effmeter.energy.message import energy_message
from effmeter.energy.source import channel_energy
from effmeter.reason import Reason, StopKind
from effmeter.status import DetailedStatus, Status
from effmeter.tracking.live import LiveEnergy, Summary, live_energy
from tests.runfile.writing import counter, gauge

GPU = counter("gpu0", gain_error_fraction=0.05)
CPU = gauge("cpu", provenance="estimated", estimate_factor=2.0)


def totals(gpu_j: float, cpu_j: float, error_j: float = 1.0) -> dict[str, Any]:
    """A recorder's message: a measured GPU and an estimated processor."""
    gpu = channel_energy(GPU, 1.0, gpu_j, gpu_j - error_j, gpu_j + error_j)
    cpu = channel_energy(CPU, 1.0, cpu_j, cpu_j, cpu_j)
    message = {
        "energy": energy_message(gpu + cpu),
        "components": {"gpu": energy_message(gpu), "cpu": energy_message(cpu)},
        "cover": ["gpu0", "cpu"],
        "estimated": ["cpu"],
        "missing": ["ram"],
        "unread": {},
        "partial": ["gpu1"],
    }
    return dict(json.loads(json.dumps(message)))


def live(gpu_j: float = 100.0, cpu_j: float = 10.0) -> LiveEnergy:
    found = live_energy(totals(gpu_j, cpu_j))
    assert found is not None
    return found


def test_a_total_counts_since_the_recording_began() -> None:
    found = live()
    assert found.total.value_j == pytest.approx(110.0)
    assert found.components["gpu"] == channel_energy(GPU, 1.0, 100.0, 99.0, 101.0)
    assert (found.cover, found.estimated, found.missing) == (("gpu0", "cpu"), ("cpu",), ("ram",))


def test_what_was_used_before_the_run_is_taken_off_with_its_errors() -> None:
    found = live(100.0, 30.0).since(live(40.0, 10.0))
    gpu, cpu = found.components["gpu"], found.components["cpu"]
    assert (gpu.value_j, gpu.low_j, gpu.high_j) == (60.0, 58.0, 62.0)
    assert gpu.systematic_j == pytest.approx(3.0)
    assert (cpu.value_j, cpu.low_j, cpu.high_j) == (20.0, 10.0, 40.0), "one factor for both"
    assert found.total == gpu + cpu


def test_a_component_that_came_later_counts_from_its_own_beginning() -> None:
    before = live(40.0, 10.0)
    before = replace(before, components={"gpu": before.components["gpu"]})
    found = live(100.0, 30.0).since(before)
    assert found.components["cpu"].value_j == 30.0


def test_energy_is_never_given_back() -> None:
    found = live(10.0, 5.0).since(live(10.5, 5.0))
    assert found.components["gpu"].value_j == 0.0
    assert found.components["gpu"].low_j == 0.0
    assert found.components["gpu"].high_j == 1.5


@pytest.mark.parametrize("message", [None, {}, {"energy": None}])
def test_no_total_is_not_zero(message: dict[str, Any] | None) -> None:
    assert live_energy(message) is None


def test_a_share_of_a_total_may_have_run_at_any_power_up_to_twice_the_mean() -> None:
    gpu = live(100.0).share(0.1).components["gpu"]
    assert gpu.value_j == pytest.approx(10.0)
    assert (gpu.low_j, gpu.high_j) == pytest.approx((-0.1, 20.1))
    nothing = live().share(0.0).total
    assert (nothing.low_j, nothing.value_j, nothing.high_j) == (0.0, 0.0, 0.0)


def test_a_live_energy_prints_with_what_it_covers_and_lacks() -> None:
    said = "110.0 J [104.0, 121.0] over gpu0, cpu; estimated: cpu; without ram, gpu1"
    assert str(live()) == said


def test_a_summary_prints_as_one_line_and_maps_to_plain_types() -> None:
    summary = Summary(
        "lenet-1",
        Path("lenet-1.arrow"),
        DetailedStatus(Status.COMPLETED),
        90.0,
        3,
        Reason(StopKind.MAX_EPOCHS, "3 epochs"),
        Energy(-1.0, -2.0, 0.0),
        {"accuracy": 0.75},
        live(),
    )
    assert str(summary).startswith("lenet-1: completed, 3 epochs, 1 min 30 s, stopped by ")
    assert str(replace(summary, epochs=1)).startswith("lenet-1: completed, 1 epoch, 1 min 30 s")
    assert str(replace(summary, epochs=0)).startswith("lenet-1: completed, 1 min 30 s")
    mapping = json.loads(json.dumps(summary.as_mapping()))
    assert mapping["overshoot"] == {
        "value_j": -1.0,
        "low_j": -2.0,
        "high_j": 0.0,
        "systematic_j": 0.0,
    }
    assert mapping["path"] == "lenet-1.arrow"
    assert mapping["energy"]["total"]["systematic_j"] == pytest.approx(5.0)
    assert mapping["energy"]["components"]["cpu"]["high_j"] == 20.0
