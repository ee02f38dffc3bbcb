"""How a child process finds the run around it."""

from effmeter.client.rendezvous import Endpoint
from effmeter.client.surroundings import Surroundings, inherited

ENDPOINT = Endpoint("/run/recorder.sock", "token", "/runs/outer.arrow")


def test_a_child_finds_what_its_parent_announces() -> None:
    around = Surroundings(ENDPOINT, "outer")
    assert inherited(around.variables()) == around


def test_a_recording_may_be_known_without_the_run_around() -> None:
    around = Surroundings(ENDPOINT)
    assert inherited(around.variables()) == around


def test_without_a_socket_or_a_recording_there_are_none() -> None:
    variables = Surroundings(ENDPOINT, "outer").variables()
    assert inherited({}) is None
    for missing in ("EFFMETER_SOCKET", "EFFMETER_RECORDING"):
        assert inherited({n: v for n, v in variables.items() if n != missing}) is None
