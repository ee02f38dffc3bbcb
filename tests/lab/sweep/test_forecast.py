"""What is to come, from what has been seen."""

import pytest

from effmeter.lab.sweep.forecast import Cost, Forecast

SMALL, LARGE, OTHER = ("digits", "a", "1"), ("digits", "a", "2"), ("digits", "b", "1")


def test_nothing_is_forecast_before_anything_was_seen() -> None:
    assert Forecast().to_go([(SMALL, 3)]) is None


def test_epochs_to_come_cost_what_those_of_their_kind_did() -> None:
    forecast = Forecast()
    forecast.learn(SMALL, 2, Cost(4.0, 10.0))
    forecast.learn(LARGE, 1, Cost(8.0, 30.0))
    assert forecast.to_go([(SMALL, 3), (LARGE, 2)]) == Cost(3 * 2.0 + 2 * 8.0, 3 * 5.0 + 2 * 30.0)


def test_a_kind_not_seen_costs_what_the_most_similar_did() -> None:
    forecast = Forecast()
    forecast.learn(OTHER, 1, Cost(100.0, 100.0))
    forecast.learn(LARGE, 1, Cost(8.0, 30.0))
    assert forecast.to_go([(SMALL, 1)]) == Cost(8.0, 30.0)
    assert Forecast({OTHER: [(1, Cost(1.0, 2.0))]}).to_go([(SMALL, 1)]) == Cost(1.0, 2.0)


def test_an_energy_that_was_not_known_is_never_taken_for_nothing() -> None:
    forecast = Forecast()
    forecast.learn(SMALL, 1, Cost(1.0, None))
    forecast.learn(LARGE, 1, Cost(1.0, 5.0))
    assert forecast.to_go([(LARGE, 1), (SMALL, 1)]) == Cost(2.0, None)


def test_a_training_that_goes_on_is_taken_into_account_for_the_moment() -> None:
    forecast = Forecast()
    assert forecast.knowing(SMALL, 4, Cost(2.0, 8.0)).to_go([(SMALL, 1)]) == Cost(0.5, 2.0)
    assert forecast.to_go([(SMALL, 1)]) is None


def test_a_run_without_an_epoch_teaches_nothing() -> None:
    forecast = Forecast()
    forecast.learn(SMALL, 0, Cost(1.0, 1.0))
    assert forecast.to_go([(SMALL, 1)]) is None


def test_nothing_to_come_costs_nothing() -> None:
    assert Forecast().to_go([]) == pytest.approx((0.0, 0.0))
