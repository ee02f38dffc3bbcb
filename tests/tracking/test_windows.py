"""Energies of windows, from totals that do not lie at their boundaries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.energy import Energy
from effmeter.tracking.windows import MOST_COVERS, MOST_TOTALS, EnergyHistory, Total

S = 1_000_000_000
COVER = ("cpu0",)


def history(*totals: tuple[float, float], error_j: float = 0.0) -> EnergyHistory:
    """Totals of (seconds, joules), each known to within an error."""
    kept = EnergyHistory()
    for time_s, used_j in totals:
        energy = Energy(used_j, used_j - error_j, used_j + error_j, {"cpu0": used_j * 0.01})
        kept.add(Total(round(time_s * S), energy, COVER))
    return kept


def test_a_window_between_totals_is_their_difference() -> None:
    energy = history((1, 100), (2, 150), (4, 200), error_j=1.0).between(1 * S, 4 * S)
    assert energy is not None
    assert (energy.value_j, energy.low_j, energy.high_j) == (100, 98, 102)
    assert energy.systematic_j == pytest.approx(1.0)


def test_totals_may_arrive_in_any_order() -> None:
    energy = history((4, 200), (1, 100)).between(1 * S, 4 * S)
    assert energy is not None
    assert energy.value_j == 100


def test_a_boundary_beside_a_total_counts_the_power_around_it() -> None:
    energy = history((0, 0), (10, 100), (20, 300)).between(9 * S, 19 * S)
    assert energy is not None
    assert energy.value_j == pytest.approx(280 - 90)
    assert energy.low_j < energy.value_j < energy.high_j


@given(
    st.lists(st.floats(0, 100), min_size=3, max_size=12),
    st.floats(0.05, 0.95),
    st.floats(0.05, 0.95),
)
def test_the_interval_holds_any_energy_whose_power_is_at_most_twice_the_mean(
    steps_j: list[float], begin: float, end: float
) -> None:
    """Power within each second swings between nothing and twice its mean, half a second each."""
    totals = [sum(steps_j[:n]) for n in range(len(steps_j) + 1)]

    def used_j(time_s: float) -> float:
        whole, part = int(time_s), time_s - int(time_s)
        return totals[whole] + steps_j[whole] * min(1.0, 2 * part)

    begin_s, end_s = begin, len(steps_j) - 1 + end
    energy = history(*enumerate(totals)).between(round(begin_s * S), round(end_s * S))
    assert energy is not None
    truth_j = used_j(end_s) - used_j(begin_s)
    assert energy.low_j - 1e-6 <= truth_j <= energy.high_j + 1e-6


def test_shortly_before_the_first_total_its_power_was_the_same() -> None:
    energy = history((1, 10), (2, 30)).between(0, 2 * S)
    assert energy is not None
    assert (energy.low_j, energy.value_j, energy.high_j) == (20, 40, 60)


def test_a_window_before_the_first_total_is_no_zero() -> None:
    energy = history((1, 10), (2, 30)).between(S // 4, S // 2)
    assert energy is not None
    assert energy.value_j == pytest.approx(5)
    assert energy.low_j < 5 < energy.high_j


def test_one_total_says_nothing_about_a_window() -> None:
    assert history((1, 10)).between(0, 2 * S) is None
    assert history((1, 10)).between(1 * S, 1 * S) is None


def test_shortly_after_the_last_total_its_power_is_taken_to_go_on() -> None:
    energy = history((0, 0), (1, 10), (2, 30)).between(1 * S, 2 * S + S // 2)
    assert energy is not None
    assert (energy.low_j, energy.value_j, energy.high_j) == (20, 30, 40)


def test_long_after_the_last_total_nothing_is_known() -> None:
    kept = history((1, 10), (2, 30))
    assert kept.reaches(2 * S)
    assert not kept.reaches(2 * S + 1)
    assert kept.between(1 * S, 4 * S + 1) is None
    assert EnergyHistory().between(0, 1) is None


def test_only_totals_over_the_cover_at_the_end_are_subtracted() -> None:
    kept = history((1, 10), (2, 20), (3, 30))
    for time_s, used_j in ((0, 0), (4, 120), (5, 150)):  # a sensor that was slow to start
        kept.add(Total(time_s * S, Energy.exactly(used_j), ("cpu0", "gpu0")))
    first, last, both = (kept.between(a * S, b * S) for a, b in ((1, 2), (4, 5), (2, 5)))
    values = [None if energy is None else energy.value_j for energy in (first, last, both)]
    assert values == [10, 30, pytest.approx(150 - 60)]


def test_the_number_of_covers_is_bounded() -> None:
    kept = EnergyHistory()
    for number in range(MOST_COVERS + 1):
        for time_s in (10 * number, 10 * number + 1):
            kept.add(Total(time_s * S, Energy.exactly(float(time_s)), (f"gpu{number}",)))
    assert kept.between(0, 1 * S) is None
    newest = kept.between(10 * MOST_COVERS * S, (10 * MOST_COVERS + 1) * S)
    assert newest == Energy.exactly(1.0)


def test_energy_is_never_negative() -> None:
    energy = history((1, 10), (2, 10.1), error_j=1.0).between(1 * S, 2 * S)
    assert energy is not None
    assert energy.low_j == 0


def test_the_number_of_totals_is_bounded_and_the_oldest_lie_further_apart() -> None:
    kept = EnergyHistory()
    for number in range(MOST_TOTALS + 1):
        kept.add(Total(number * S, Energy.exactly(float(number)), COVER))
    newest = kept.between((MOST_TOTALS - 1) * S, MOST_TOTALS * S)
    whole, oldest = kept.between(0, MOST_TOTALS * S), kept.between(0, 1 * S)
    assert newest == Energy.exactly(1.0)
    assert whole == Energy.exactly(float(MOST_TOTALS))
    assert oldest is not None
    assert (oldest.low_j, oldest.value_j, oldest.high_j) == (0, 1, 2)
