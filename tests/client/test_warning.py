"""Warnings reach the user once and never end a training."""

import logging
import warnings

import pytest

from effmeter.client.warning import WarnOnce, warn
from effmeter.errors import EffmeterWarning


def test_a_warning_is_of_the_projects_category() -> None:
    with pytest.warns(EffmeterWarning, match="trouble"):
        warn("trouble")


def test_where_warnings_are_errors_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, "effmeter"):
        warnings.simplefilter("error")
        warn("trouble \x1b[2J")
    assert caplog.messages == ["trouble \\x1b[2J"]


def test_only_the_first_of_many_is_issued() -> None:
    once = WarnOnce()

    def warn_twice() -> None:
        once("first")
        once("second")

    with pytest.warns(EffmeterWarning) as issued:
        warn_twice()
    assert [str(w.message) for w in issued] == ["first"]
