"""What an energy budget counts, agreed on before the first epoch."""

from collections.abc import Iterator, Sequence

from effmeter.client.warning import warn
from effmeter.errors import MeasurementError
from effmeter.stopping import AnyOf, Budget, Progress
from effmeter.tracking.live import LiveEnergy
from effmeter.units import format_energy


def agree_on_budgets(criterion: AnyOf, live: LiveEnergy | None) -> Iterator[str]:
    """Each budget with its cover, in words for the run file.

    MeasurementError where the machine has a component that gives no figure, unless the budget
    accepts that, and where nothing gives one and nothing else bounds the loop. Warns where a
    budget counts estimates, and where it leaves out some devices of a component.
    """
    budgets = criterion.budgets()
    if live is None:
        _do_without(criterion)
        return iter(())
    _refuse_partial(budgets, live)
    if live.estimated:
        warn(f"the energy budget counts estimates, not measurements: {', '.join(live.estimated)}")
    if live.partial:
        warn(f"the energy budget leaves out what cannot be read: {', '.join(live.partial)}")
    over = ", ".join(live.cover)
    return (f"{format_energy(budget.budget_j)} over {over}" for budget in budgets)


def _do_without(criterion: AnyOf) -> None:
    if not criterion.bounds(Progress(energy_is_known=False)):
        raise MeasurementError(
            "the energy budget cannot be measured: nothing on this machine gives an energy "
            "(see effmeter doctor); add MaxEpochs to bound the loop without it"
        )
    warn("the energy budget cannot be measured; the other criteria end the loop")


def _refuse_partial(budgets: Sequence[Budget], live: LiveEnergy) -> None:
    if live.missing and not all(budget.accept_missing for budget in budgets):
        missing = ", ".join(live.missing)
        raise MeasurementError(
            f"the energy budget would leave out the {missing} that this machine has and nothing "
            "measures (see effmeter doctor): pass accept_missing=True to accept that"
        )
