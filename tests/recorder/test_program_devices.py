"""The lists of devices that helpers send, and the recordings that wait for them."""

from collections.abc import Mapping
from typing import Any

import pytest

from effmeter.cover import HIDDEN_CHANNELS, VISIBILITY_UNKNOWN
from effmeter.probes.base import Discovery
from effmeter.recorder.program_devices import (
    MOST_LISTINGS_PER_USER,
    ProgramDevices,
    ProgramKey,
)
from tests.recorder.test_visibility import CUDA, TWO, B

ME, KEY, PID = ProgramKey(1000, "f00"), 3, 7
PROGRAM = {"pid": PID, CUDA: "0"}
FIRST_GPU, SECOND_GPU = ["gpu1"], ["gpu0"]
"""What is hidden from a program that may use this one alone."""


class Notes:
    """A recording that keeps what it is given."""

    def __init__(self) -> None:
        self.assumed: list[Mapping[str, Any]] = []
        self.stated: list[tuple[int, Mapping[str, Any]]] = []

    def assume_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        assert key == KEY
        self.assumed.append(facts)

    def state_devices(self, key: int, facts: Mapping[str, Any]) -> None:
        self.stated.append((key, facts))

    @property
    def hidden(self) -> list[Any]:
        return [facts.get(HIDDEN_CHANNELS) for _, facts in self.stated]


@pytest.fixture
def notes() -> Notes:
    return Notes()


def recorder_that(*, trusts: bool) -> ProgramDevices:
    return ProgramDevices(lambda: TWO, lambda: TWO.devices, lambda pid: trusts and pid == PID)


def test_a_program_whose_list_does_not_come_has_the_devices_of_its_boundary(notes: Notes) -> None:
    for trusts, hidden in ((True, FIRST_GPU), (False, None)):
        unlisted = ProgramKey(1000, "")
        recorder_that(trusts=trusts).enter(KEY, notes, PROGRAM, unlisted, PID)
        assert notes.hidden[-1] == hidden
    assert VISIBILITY_UNKNOWN in notes.stated[-1][1]


def test_a_program_is_described_by_its_own_list_when_it_comes(notes: Notes) -> None:
    devices = recorder_that(trusts=True)
    devices.enter(KEY, notes, PROGRAM, ME, PID)
    assert notes.stated == []
    assert [facts.get(HIDDEN_CHANNELS) for facts in notes.assumed] == [FIRST_GPU]
    devices.receive(ME, {"nvidia": (B,)})
    assert notes.hidden == [SECOND_GPU]
    devices.leave(KEY)
    assert notes.hidden == [SECOND_GPU], "it is stated once"


def test_one_list_serves_all_runs_of_a_program(notes: Notes) -> None:
    devices = recorder_that(trusts=True)
    devices.receive(ME, {"nvidia": (B,)})
    for key in (KEY, KEY + 1):
        devices.enter(key, notes, PROGRAM, ME, PID)
    assert notes.hidden == [SECOND_GPU, SECOND_GPU]


def test_the_list_of_another_users_program_is_not_taken(notes: Notes) -> None:
    devices = recorder_that(trusts=False)
    devices.enter(KEY, notes, PROGRAM, ME, PID)
    devices.receive(ME._replace(uid=1001), {"nvidia": (B,)})
    assert notes.stated == []


def test_a_program_that_leaves_before_its_list_comes_is_described_without_it(
    notes: Notes,
) -> None:
    devices = recorder_that(trusts=True)
    devices.enter(KEY, notes, PROGRAM, ME, PID)
    devices.leave(KEY)
    devices.receive(ME, {"nvidia": (B,)})
    assert notes.hidden == [FIRST_GPU]


def test_a_connection_that_is_forgotten_waits_for_nothing(notes: Notes) -> None:
    devices = recorder_that(trusts=True)
    devices.enter(KEY, notes, PROGRAM, ME, PID)
    devices.forget(KEY)
    devices.receive(ME, {"nvidia": (B,)})
    assert notes.stated == []


def test_a_user_has_a_bounded_number_of_lists(notes: Notes) -> None:
    devices = recorder_that(trusts=True)
    other = ProgramKey(1001, "f00")
    devices.receive(other, {"nvidia": (B,)})
    for number in range(MOST_LISTINGS_PER_USER + 1):
        devices.receive(ProgramKey(1000, str(number)), {"nvidia": (B,)})
    for program, is_kept in ((other, True), (ProgramKey(1000, "0"), False)):
        devices.enter(KEY, notes, PROGRAM, program, PID)
        assert (notes.hidden[-1:] == [SECOND_GPU]) == is_kept
        notes.stated.clear()


def test_sensors_that_are_found_later_are_hidden_too(notes: Notes) -> None:
    found = [Discovery()]
    devices = ProgramDevices(lambda: found[-1], lambda: found[-1].devices, lambda _: True)
    devices.receive(ME, {"nvidia": (B,)})
    devices.enter(KEY, notes, PROGRAM, ME, PID)
    found.append(TWO)
    devices.restate()
    devices.leave(KEY)
    devices.restate()
    assert notes.hidden == [None, SECOND_GPU]
