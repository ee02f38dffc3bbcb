"""What an energy budget counts, agreed on before the first epoch."""

import pytest

from effmeter.energy import Energy
from effmeter.errors import EffmeterWarning, MeasurementError
from effmeter.stopping import EnergyBudget, MaxEpochs, combine
from effmeter.tracking.budget import agree_on_budgets
from effmeter.tracking.live import LiveEnergy


def live(
    estimated: tuple[str, ...] = (), missing: tuple[str, ...] = (), partial: tuple[str, ...] = ()
) -> LiveEnergy:
    return LiveEnergy(
        Energy.exactly(1.0), {}, ("cpu0", "dram0"), estimated, missing, partial=partial
    )


def test_every_budget_is_noted_with_its_cover() -> None:
    criterion = combine([EnergyBudget("2 kJ"), EnergyBudget(500) & MaxEpochs(2)])
    assert list(agree_on_budgets(criterion, live())) == [
        "2.00 kJ over cpu0, dram0",
        "500 J over cpu0, dram0",
    ]


def test_a_component_without_a_figure_is_refused_unless_every_budget_accepts_it() -> None:
    without_gpu = live(missing=("gpu",))
    for stop in (EnergyBudget(1), EnergyBudget(1) | EnergyBudget(2, accept_missing=True)):
        with pytest.raises(MeasurementError, match=r"leave out the gpu.*accept_missing=True"):
            agree_on_budgets(combine(stop), without_gpu)
    accepted = combine(EnergyBudget(1, accept_missing=True))
    assert len(list(agree_on_budgets(accepted, without_gpu))) == 1


def test_estimates_and_devices_left_out_are_warned_of() -> None:
    criterion = combine(EnergyBudget(1))
    with pytest.warns(EffmeterWarning, match="estimates, not measurements: cpu0$"):
        agree_on_budgets(criterion, live(estimated=("cpu0",)))
    with pytest.warns(EffmeterWarning, match="leaves out what cannot be read: cpu1"):
        agree_on_budgets(criterion, live(partial=("cpu1",)))


def test_without_any_energy_another_criterion_must_bound_the_loop() -> None:
    with pytest.raises(MeasurementError, match="add MaxEpochs"):
        agree_on_budgets(combine(EnergyBudget(1)), None)
    with pytest.warns(EffmeterWarning, match="the other criteria end the loop"):
        assert list(agree_on_budgets(combine([EnergyBudget(1), MaxEpochs(3)]), None)) == []
