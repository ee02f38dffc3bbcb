"""What a stage of a run has used, and where it stands."""

import pytest

from effmeter.energy import Energy
from effmeter.stopping import AnyOf, EnergyBudget, EpochResult
from effmeter.tracking.live import LiveEnergy
from effmeter.tracking.stage import Stage

BUDGET = AnyOf((EnergyBudget(100),))


def live(used_j: float, unread: tuple[str, ...] = ()) -> LiveEnergy:
    return LiveEnergy(Energy.exactly(used_j), {}, ("cpu0",), (), (), unread)


@pytest.mark.parametrize(
    ("stage", "used_j"),
    [(Stage(BUDGET), 50.0), (Stage(BUDGET, False, live(20)), 30.0), (Stage(BUDGET, False), None)],
)
def test_the_first_stage_counts_from_the_run_and_later_ones_from_their_own_beginning(
    stage: Stage, used_j: float | None
) -> None:
    used = stage.used(live(50))
    assert (used and used.value_j) == used_j
    assert stage.used(None) is None


def test_a_budget_is_known_while_sensors_and_recorder_answer() -> None:
    stage = Stage(BUDGET, results=[EpochResult(1, {}, Energy.exactly(50))])
    known = {
        (measured, answer is None or bool(answer.unread)): stage.at_end_of_epoch(
            answer, is_measured=measured
        ).energy_is_known
        for measured in (True, False)
        for answer in (live(50), live(50, ("cpu0",)))
    }
    assert known == {
        (True, False): True,
        (True, True): False,
        (False, False): False,
        (False, True): False,
    }


def test_within_an_epoch_only_the_energy_counts() -> None:
    progress = Stage(BUDGET).within_epoch(live(50))
    assert progress.within_epoch
    assert progress.used is not None
    assert Stage(AnyOf(())).at_end_of_epoch(None, is_measured=True).energy_is_known
