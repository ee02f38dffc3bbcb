"""The run that a block is in: in tasks, threads, forked children and any order of ends."""

import asyncio
import contextvars
import itertools
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from effmeter.client.surroundings import RUN_ID_VARIABLE, Endpoint, Surroundings
from effmeter.tracking.context import Place, enclosing, enter, leave


def begin(name: str) -> Place:
    """A run that is recorded under its own name."""
    return enter(enclosing(), Surroundings(Endpoint("socket", "recording", "file"), name))


def name_of(place: Place | None) -> str | None:
    return None if place is None or place.surroundings is None else place.surroundings.run_id


def in_thread(act: Callable[[], None]) -> None:
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


@pytest.fixture(autouse=True)
def none_open() -> Iterator[None]:
    """No test leaves a run or a variable behind."""
    assert enclosing() is None
    yield
    assert enclosing() is None
    assert RUN_ID_VARIABLE not in os.environ


def test_a_run_begins_inside_the_innermost_one_of_its_context() -> None:
    study, trial = begin("study"), begin("trial")
    assert trial.outer is study
    assert enclosing() is trial
    leave(trial)
    assert enclosing() is study
    leave(study)


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_runs_may_end_in_any_order(order: tuple[int, ...]) -> None:
    places = [begin(str(number)) for number in range(3)]
    still_open = list(range(3))
    for number in order:
        leave(places[number])
        still_open.remove(number)
        innermost = str(still_open[-1]) if still_open else None
        assert name_of(enclosing()) == innermost
        assert os.environ.get(RUN_ID_VARIABLE) == innermost


def test_a_run_that_ends_keeps_no_earlier_one_in_memory() -> None:
    earlier = begin("0")
    for number in range(1, 5):
        later = begin(str(number))
        leave(earlier)
        assert later.outer is None
        earlier = later
    leave(earlier)


def test_a_run_that_ends_in_another_context_or_thread_is_left_everywhere() -> None:
    here = begin("here")
    contextvars.copy_context().run(leave, here)
    assert enclosing() is None
    there = begin("there")
    in_thread(lambda: leave(there))
    assert enclosing() is None


def test_tasks_are_beside_one_another_and_inside_the_run_around_them() -> None:
    outers: dict[str, str | None] = {}

    async def task(name: str) -> None:
        place = begin(name)
        outers[name] = name_of(place.outer)
        await asyncio.sleep(0)
        inner = begin(f"{name}-inner")
        outers[f"{name}-inner"] = name_of(inner.outer)
        await asyncio.sleep(0)
        leave(inner)
        leave(place)

    async def both() -> None:
        await asyncio.gather(task("a"), task("b"))

    asyncio.run(both())
    assert outers == {"a": None, "b": None, "a-inner": "a", "b-inner": "b"}
    study = begin("study")
    asyncio.run(both())
    assert outers == {"a": "study", "b": "study", "a-inner": "a", "b-inner": "b"}
    leave(study)


def test_threads_are_beside_one_another_and_inside_the_run_of_the_main_thread() -> None:
    outers: list[str | None] = []

    def work() -> None:
        first = begin("thread")
        outers.append(name_of(first.outer))
        in_thread(lambda: outers.append(name_of(enclosing())))
        leave(first)

    in_thread(work)
    study = begin("study")
    in_thread(work)
    leave(study)
    assert outers == [None, None, "study", "study"]


def test_a_thread_is_in_none_of_several_tasks_but_in_the_run_around_them() -> None:
    found: list[str | None] = []

    async def task(name: str) -> None:
        place = begin(name)
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(
            None, lambda: found.append(name_of(enclosing()))
        )
        await asyncio.to_thread(lambda: found.append(name_of(enclosing())))
        leave(place)

    async def both() -> None:
        await asyncio.gather(task("a"), task("b"))

    asyncio.run(both())
    assert set(found) == {None, "a", "b"}
    found.clear()
    study = begin("study")
    asyncio.run(both())
    assert set(found) == {"study", "a", "b"}
    leave(study)


def test_children_find_the_run_of_the_main_thread_before_that_of_another() -> None:
    def work() -> None:
        first = begin("first")
        shown.append(os.environ[RUN_ID_VARIABLE])
        main_runs.wait()
        second = begin("second")
        main_runs.wait()
        main_runs.wait()
        leave(second)
        leave(first)

    shown: list[str] = []
    main_runs = threading.Barrier(2, timeout=20)
    thread = threading.Thread(target=work)
    thread.start()
    main_runs.wait()
    main_runs.wait()
    mine = begin("mine")
    shown.append(os.environ[RUN_ID_VARIABLE])
    leave(mine)
    shown.append(os.environ[RUN_ID_VARIABLE])
    main_runs.wait()
    thread.join()
    assert shown == ["first", "mine", "second"]


def test_inside_a_run_that_is_not_recorded_the_one_around_it_counts() -> None:
    outer = begin("outer")
    unrecorded = enter(enclosing(), None)
    assert name_of(enclosing()) == os.environ[RUN_ID_VARIABLE] == "outer"
    leave(unrecorded)
    leave(outer)


def test_a_forked_child_is_in_the_run_of_the_thread_that_forked_it() -> None:
    def fork() -> None:
        place = begin("thread's")
        child = os.fork()
        if not child:
            found = name_of(enclosing()) == "thread's"
            leave(place)
            left = name_of(enclosing()) == os.environ[RUN_ID_VARIABLE] == "main's"
            os._exit(0 if found and left else 1)
        statuses.append(os.waitpid(child, 0)[1])
        leave(place)

    def work() -> None:
        inside.run(fork)

    statuses: list[int] = []
    inside = contextvars.Context()
    mains = begin("main's")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    leave(mains)
    assert statuses == [0]
