"""Which devices a recorded program may use, by the answers of the probes."""

import os
from collections.abc import Mapping, Sequence

from effmeter.channel import Channel
from effmeter.cover import HIDDEN_CHANNELS, VISIBILITY_UNKNOWN
from effmeter.probes.base import Discovery, Reading, Visibility
from effmeter.recorder.visibility import visibility_variables, with_hidden_channels

THIS_PROCESS = os.getpid()


class FakeProbe:
    """A family of devices that one variable restricts to the channel it names."""

    period_s = 1.0
    channels: tuple[Channel, ...] = ()

    def __init__(self, name: str, *names: str) -> None:
        self.name = name
        self.visibility_variables = (f"{name.upper()}_VISIBLE", "SHARED_ORDER")
        self._names = names

    def read(self) -> Sequence[Reading]:
        return ()

    def close(self) -> None:
        pass

    def visible_to(self, environ: Mapping[str, str], same_devices: bool) -> Visibility:
        listed = environ.get(self.visibility_variables[0])
        if listed is None:
            return Visibility()
        if not same_devices:
            return Visibility(reason="the program counts other devices")
        hidden = tuple(name for name in self._names if name != listed)
        return Visibility(hidden, (listed,))


A, B = FakeProbe("a", "a0", "a1"), FakeProbe("b", "b0")
BOTH = Discovery((A, B))


def test_the_variables_of_all_families_are_asked_for_once() -> None:
    assert visibility_variables(BOTH) == ("A_VISIBLE", "SHARED_ORDER", "B_VISIBLE")


def test_a_machine_without_such_devices_asks_for_no_variable() -> None:
    assert visibility_variables(Discovery()) == ()


def test_a_program_cannot_claim_what_it_sees() -> None:
    claimed = {HIDDEN_CHANNELS: ["a0"], "visible_gpus": "a1", "pid": 7}
    assert with_hidden_channels(claimed, BOTH, THIS_PROCESS) == {"pid": 7}


def test_each_family_hides_its_own_channels() -> None:
    program = {"A_VISIBLE": "a1", "B_VISIBLE": ""}
    facts = with_hidden_channels(program, BOTH, THIS_PROCESS)
    assert facts[HIDDEN_CHANNELS] == ["a0", "b0"]
    assert facts["visible_gpus"] == ["a1", ""]


def test_an_unrestricted_family_hides_nothing() -> None:
    facts = with_hidden_channels({"A_VISIBLE": "a1"}, BOTH, THIS_PROCESS)
    assert facts[HIDDEN_CHANNELS] == ["a0"]


def test_a_process_that_cannot_be_looked_up_may_have_other_devices() -> None:
    facts = with_hidden_channels({"A_VISIBLE": "a1"}, BOTH, -1)
    assert facts[VISIBILITY_UNKNOWN] == "the program counts other devices"
    assert HIDDEN_CHANNELS not in facts
