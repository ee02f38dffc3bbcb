"""Runs that overlap in any order leave the environment of children as they found it."""

import itertools
import os

import pytest

from effmeter.tracking.environ import announce, withdraw

NAME = "A_VARIABLE_OF_A_RUN"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent before each test and after it."""
    monkeypatch.setenv(NAME, "")
    monkeypatch.delenv(NAME)


def test_a_variable_that_was_absent_is_absent_again() -> None:
    announce("run", {NAME: "1"})
    assert os.environ[NAME] == "1"
    withdraw("run")
    assert NAME not in os.environ


def test_a_variable_of_the_program_has_its_value_again() -> None:
    os.environ[NAME] = "the program's"
    announce("run", {NAME: "1"})
    withdraw("run")
    assert os.environ[NAME] == "the program's"


def test_what_the_program_set_meanwhile_stays() -> None:
    announce("run", {NAME: "1"})
    os.environ[NAME] = "the program's"
    withdraw("run")
    assert os.environ[NAME] == "the program's"


def test_a_run_that_announced_nothing_withdraws_nothing() -> None:
    announce("run", {NAME: "1"})
    withdraw("another")
    assert os.environ[NAME] == "1"
    withdraw("run")


@pytest.mark.parametrize("order", [*itertools.permutations("abc")])
def test_whichever_run_ends_first_the_youngest_of_the_others_shows(order: tuple[str, ...]) -> None:
    open_runs = list("abc")
    for run in open_runs:
        announce(run, {NAME: run})
    for run in order:
        withdraw(run)
        open_runs.remove(run)
        assert os.environ.get(NAME) == (open_runs[-1] if open_runs else None)
