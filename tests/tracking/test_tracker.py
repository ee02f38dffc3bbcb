"""What ``track`` makes of its arguments; nothing is recorded here."""

import inspect
import math
import os
from collections.abc import AsyncIterator, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effmeter.client.request import DEFAULT_RATE_HZ
from effmeter.errors import UsageError
from effmeter.tracking.labels import Labels
from effmeter.tracking.tracker import track


def test_the_arguments_become_a_request(tmp_path: Path) -> None:
    labels: Labels = {"size": np.int64(3), "tuned": True}
    request = track("lenet", labels, directory=str(tmp_path), rate_hz=50, join=False).request
    assert (request.name, request.directory, request.rate_hz) == ("lenet", tmp_path, 50)
    assert (request.recorder, request.join) == ("auto", False)
    assert request.labels == {"size": 3, "tuned": True}
    assert type(request.labels["size"]) is int


def test_without_more_the_defaults_hold() -> None:
    request = track("lenet").request
    assert (request.directory, request.rate_hz, request.join) == (None, DEFAULT_RATE_HZ, True)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("lenet", "lenet"),
        (Path("lenet"), os.path.join(os.curdir, "lenet")),
        (Path("folder/lenet.arrow"), "folder/lenet.arrow"),
    ],
)
def test_a_path_is_never_taken_for_a_name(given: str | Path, name: str) -> None:
    assert track(given).request.name == name


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": ""}, "a name is a text that is not empty"),
        ({"name": math.floor}, r"a run needs a name, as in track\('lenet-1'\)"),
        ({"name": "x", "labels": "x"}, "labels are names with values"),
        ({"name": "x", "labels": {"a": [1]}}, "label 'a' is not a text or a number"),
        ({"name": "x", "labels": {"a": math.nan}}, "not a finite number"),
        ({"name": "x", "rate_hz": 0}, "rate_hz"),
        ({"name": "x", "rate_hz": 5000}, "rate_hz"),
        ({"name": "x", "recorder": "mine"}, "recorder is one of auto, private, shared"),
    ],
)
def test_an_argument_without_a_meaning_is_an_error_at_once(
    arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        track(**arguments)


def test_what_only_a_run_has_says_where_to_find_it() -> None:
    with pytest.raises(AttributeError, match=r"'epochs' belongs to the run .* as run: run.epochs"):
        attrgetter("epochs")(track("x"))
    with pytest.raises(AttributeError, match="has no attribute 'epocs'"):
        attrgetter("epocs")(track("x"))


def test_a_run_that_was_not_started_cannot_be_stopped() -> None:
    with pytest.raises(UsageError, match="no run has been started"):
        track("x").stop()


def test_a_decorated_function_keeps_its_name_and_its_kind() -> None:
    @track("x")
    def train(epochs: int) -> int:
        return epochs

    @track("x")
    async def fetch() -> None: ...

    assert (train.__name__, list(inspect.signature(train).parameters)) == ("train", ["epochs"])
    assert not inspect.iscoroutinefunction(train)
    assert inspect.iscoroutinefunction(fetch)


def test_a_generator_cannot_be_decorated() -> None:
    def batches() -> Iterator[int]:
        yield 1

    async def later_batches() -> AsyncIterator[int]:
        yield 1

    for generator in (batches, later_batches):
        with pytest.raises(UsageError, match="use `with` inside it"):
            track("x")(generator)
