"""Every text that effmeter shows is safe on a terminal."""

import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.errors import EffmeterError, EffmeterWarning, RunFileError
from effmeter.escaping import printable

HOSTILE = [
    ("\x1b[2J", "\\x1b[2J"),
    ("a\x00\b\r\n\t", "a\\x00\\x08\\r\\n\\t"),
    ("\x9b31m\x7f", "\\x9b31m\\x7f"),
    ("\u202egnp\u2066", "\\u202egnp\\u2066"),
    ("a\u200bb\ufeff\u2028", "a\\u200bb\\ufeff\\u2028"),
    ("caf\udce9", "caf\\udce9"),
    ("\U000e0041", "\\U000e0041"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_what_is_no_visible_character_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["", "lenet 1", "12 ± 3 µJ", "Käfer 模型 ✓", "a\\x1b"])
def test_what_is_visible_stays(text: str) -> None:
    assert printable(text) == text


@given(text=st.text(st.characters()))
def test_nothing_invisible_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in shown)
    assert printable(shown) == shown
    shown.encode()


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_errors_and_warnings_quote_nothing_invisible(text: str, shown: str) -> None:
    assert str(EffmeterError(f"{text}: no file")) == f"{shown}: no file"
    assert str(RunFileError(text)) == shown
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(text, EffmeterWarning, stacklevel=1)
    assert str(caught[0].message) == shown
