"""What children of this process find in their environment, and what it was before."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from effmeter.tracking.environ import announce, forget, inherited

NAME, OTHER = "A_VARIABLE_OF_A_RUN", "ANOTHER_VARIABLE_OF_A_RUN"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent before each test and after it."""
    for name in (NAME, OTHER):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_a_variable_that_was_absent_is_absent_again() -> None:
    announce({NAME: "1"})
    assert os.environ[NAME] == "1"
    announce({})
    assert NAME not in os.environ


def test_a_variable_of_the_program_has_its_value_again() -> None:
    os.environ[NAME] = "the program's"
    announce({NAME: "1"})
    announce({NAME: "2"})
    announce({})
    assert os.environ[NAME] == "the program's"


def test_what_the_program_set_meanwhile_stays() -> None:
    announce({NAME: "1"})
    os.environ[NAME] = "the program's"
    announce({NAME: "1"})
    assert os.environ[NAME] == "the program's"
    announce({})
    assert os.environ[NAME] == "the program's"


def test_another_run_restores_what_the_program_set_meanwhile() -> None:
    announce({NAME: "1"})
    os.environ[NAME] = "the program's"
    announce({NAME: "2"})
    assert os.environ[NAME] == "2"
    announce({})
    assert os.environ[NAME] == "the program's"


def test_a_variable_that_the_next_run_does_not_announce_is_restored() -> None:
    announce({NAME: "1", OTHER: "1"})
    announce({NAME: "2"})
    assert (os.environ[NAME], OTHER in os.environ) == ("2", False)
    announce({})


def test_the_process_does_not_read_its_own_announcements_back() -> None:
    os.environ[NAME] = "inherited"
    announce({NAME: "1", OTHER: "1"})
    environ = inherited()
    assert environ[NAME] == "inherited"
    assert OTHER not in environ
    announce({})


def test_a_forked_child_inherits_the_announcements_of_its_parent() -> None:
    announce({NAME: "1"})
    forget()
    assert inherited()[NAME] == "1"
    announce({})
    assert os.environ[NAME] == "1"


def test_threads_read_the_environment_while_others_announce() -> None:
    switched_s, ends_s = sys.getswitchinterval(), time.monotonic() + 0.3

    def announce_and_take_back() -> None:
        while time.monotonic() < ends_s:
            announce({NAME: "1", OTHER: "1"})
            announce({})

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as others:
            announcing = others.submit(announce_and_take_back)
            while time.monotonic() < ends_s:
                assert {NAME, OTHER}.isdisjoint(inherited())
            announcing.result()
    finally:
        sys.setswitchinterval(switched_s)
