"""How a child process finds the run around it."""

import pytest

from effmeter.client.surroundings import Endpoint, Surroundings, TakenRank, inherited

ENDPOINT = Endpoint("/run/recorder.sock", "token", "/runs/outer.arrow")


def test_a_child_finds_what_its_parent_announces() -> None:
    around = Surroundings(ENDPOINT, "outer")
    assert inherited(around.variables()) == around


def test_a_recording_may_be_known_without_the_run_around() -> None:
    around = Surroundings(ENDPOINT)
    assert inherited(around.variables()) == around


def test_a_child_of_a_rank_finds_which_rank_its_parent_is() -> None:
    for rank in (0, None):
        around = Surroundings(ENDPOINT, "outer", TakenRank("key.7.1", rank, "program.9"))
        assert inherited(around.variables()) == around


@pytest.mark.parametrize("text", ["", "key", "key/0", "key/x/p", "/0/p", "key/-1/p", "key/0/"])
def test_what_is_no_rank_is_passed_over(text: str) -> None:
    assert TakenRank.parse(text) is None


def test_without_a_socket_or_a_recording_there_are_none() -> None:
    variables = Surroundings(ENDPOINT, "outer").variables()
    assert inherited({}) is None
    for missing in ("EFFMETER_SOCKET", "EFFMETER_RECORDING"):
        assert inherited({n: v for n, v in variables.items() if n != missing}) is None
