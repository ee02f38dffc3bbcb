"""What is flagged, and that what is flagged is never averaged silently."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.analysis.efficiency_framework.flags import PrintedNumber, contradiction, flagged
from effmeter.analysis.efficiency_framework.result import build_framework
from tests.analysis.efficiency_framework.observations import observation, observations, trial


def printed(text: str) -> PrintedNumber:
    return PrintedNumber.of(Decimal(text))


def test_a_number_is_known_to_its_last_printed_digit() -> None:
    assert printed("2.08e5").last_digit == 1000
    assert printed("208000").last_digit == 1
    assert printed("0.970").last_digit == 0.001


def test_an_efficiency_that_follows_within_the_digits_is_no_contradiction() -> None:
    assert contradiction(printed("0.97"), printed("2.08e5"), printed("4.67e-6")) is None
    clash = contradiction(printed("0.097"), printed("2.08e5"), printed("4.67e-6"))
    assert clash == (
        "printed efficiency 4.67e-06 contradicts 0.097 over 2.08e+05, which is 4.663e-07"
    )


@given(st.floats(0.1, 1.0), st.floats(0.1, 100.0), st.booleans())
def test_figures_printed_from_true_ones_never_contradict(
    accuracy: float, energy: float, truncated: bool
) -> None:
    shown = int(energy * 100) / 100 if truncated else round(energy, 2)
    efficiency = printed(f"{accuracy / energy:.2f}")
    assert contradiction(printed(f"{accuracy:.3f}"), printed(f"{shown:.2f}"), efficiency) is None


@pytest.mark.parametrize("odd", [1, 2, 4, 5])
def test_an_epoch_energy_off_its_neighbours_is_flagged_and_they_are_not(odd: int) -> None:
    seen = [
        observation(trial(size=s), energy_j=100.0 * (s + 4) / (10 if s == odd else 1), epochs=10)
        for s in range(1, 6)
    ]
    flags = {o.trial.size: o.flags for o in flagged(observations(*seen)).observed if o.flags}
    assert list(flags) == [odd]
    assert flags[odd][0].startswith("energy per epoch is 0.")


def test_sizes_that_grow_steadily_or_have_no_two_neighbours_are_not_flagged() -> None:
    growing = [observation(trial(size=s), energy_j=2.0**s, epochs=1) for s in range(1, 7)]
    two = [observation(trial("b", size=s), energy_j=10.0**s, epochs=1) for s in (1, 2)]
    unknown = [observation(trial("c", size=s), energy_j=10.0**s) for s in (1, 2, 3)]
    judged = flagged(observations(*growing, *two, *unknown))
    assert not any(seen.flags for seen in judged.observed)


def test_means_are_given_with_and_without_what_is_flagged() -> None:
    energies_j = {1: 100.0, 2: 110.0, 3: 10.0, 4: 120.0}
    seen = [observation(trial(size=s), energy_j=e, epochs=10) for s, e in energies_j.items()]
    result = build_framework(observations(*seen))
    assert result.unflagged is not None
    (every,), (kept,) = result.all.sizes, result.unflagged.sizes
    assert every.efficiency_per_j is not None
    assert kept.efficiency_per_j is not None
    of_size = {size: 0.9 / energy_j for size, energy_j in energies_j.items()}
    assert every.efficiency_per_j.value == pytest.approx(sum(of_size.values()) / 4)
    assert kept.efficiency_per_j.value == pytest.approx((sum(of_size.values()) - of_size[3]) / 3)
    assert (every.without, kept.without) == ((), ("size 3",))


def test_without_a_flag_there_is_one_set_of_means() -> None:
    assert build_framework(observations(observation())).unflagged is None
