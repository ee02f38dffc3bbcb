"""When the runs of a grid end."""

import pytest

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.lab.sweep import Ending
from effmeter.stopping import EpochResult, Progress


def trained(*accuracies: float) -> Progress:
    """A run of 100 J an epoch."""
    energies = [Energy(j, j, j) for j in (100.0 * n for n in range(1, len(accuracies) + 1))]
    epochs = [
        EpochResult(number, {"accuracy": accuracy}, energy)
        for number, (accuracy, energy) in enumerate(zip(accuracies, energies, strict=True), 1)
    ]
    return Progress(epochs, energies[-1])


def test_without_criteria_it_is_the_epochs() -> None:
    assert Ending.parse().epochs == 50
    assert Ending(2).criterion.reason(trained(0.1)) is None
    assert str(Ending(2).criterion.reason(trained(0.1, 0.2))) == "max-epochs: 2"


def test_the_most_epochs_follow_from_the_criterion() -> None:
    assert Ending.parse(["epochs=7", "accuracy=0.9"]).epochs == 7
    assert Ending.parse(["accuracy=0.9"]).epochs == 50


def test_a_criterion_beyond_the_most_epochs_is_refused() -> None:
    with pytest.raises(UsageError, match="epochs=7 lies beyond the most epochs of a run, 5"):
        Ending.parse(["epochs=7"], epochs=5)


def test_the_first_met_ends_the_run() -> None:
    ending = Ending.parse(["accuracy=0.9", "energy=1kJ"])
    assert str(ending.criterion.reason(trained(0.5, 0.91))) == "target-metric: accuracy 0.91"


def test_all_are_met_once_each_has_been_met_at_whichever_epoch() -> None:
    ending = Ending.parse(["accuracy=0.9", "energy=300J"], "all")
    assert ending.criterion.reason(trained(0.5, 0.91)) is None
    assert ending.criterion.reason(trained(0.5, 0.91, 0.6)) is not None


def test_all_end_at_the_bound_where_one_is_never_met() -> None:
    ending = Ending.parse(["accuracy=0.9", "energy=100J"], "all", epochs=3)
    progress = trained(0.5, 0.6, 0.7)
    assert str(ending.criterion.reason(progress)) == "max-epochs: 3"
    assert ending.unmet(progress.epochs) == ["accuracy=0.9"]


def test_nothing_is_called_unmet_where_another_ended_the_run_first() -> None:
    ending = Ending.parse(["accuracy=0.9", "energy=100J"])
    assert ending.unmet(trained(0.5).epochs) == []


def test_a_run_that_met_nothing_says_so_of_each() -> None:
    ending = Ending.parse(["accuracy=0.9", "energy=10kJ"], epochs=2)
    assert ending.unmet(trained(0.5, 0.6).epochs) == ["accuracy=0.9", "energy=10kJ"]


def test_the_rule_stands_in_words_in_the_labels() -> None:
    assert Ending(3).label == "epochs<=3"
    ending = Ending.parse([" accuracy=0.9", "energy=2kJ"], "all", 9)
    assert ending.label == "all of accuracy=0.9, energy=2kJ; epochs<=9"
