"""Tables take the width that they need, and never break inside a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.report.tables import hanging, table_of, wrapped_lines

HEADINGS = ("run", "status", "energy")
ROWS = [
    ("lenet-1", "completed", "588 J"),
    ("a-file-with-a-long-name.arrow", "failed: out of memory", "1.25 kJ"),
]


def lines(width: int | None) -> list[str]:
    return list(table_of(HEADINGS, ROWS, numeric=[2]).lines(width))


def test_without_a_width_a_row_is_a_line() -> None:
    assert lines(None) == [
        "  run                            status                  energy",
        "  lenet-1                        completed                588 J",
        "  a-file-with-a-long-name.arrow  failed: out of memory  1.25 kJ",
    ]


def test_text_wraps_between_words_and_numbers_do_not_wrap() -> None:
    assert lines(54) == [
        "  run                            status         energy",
        "  lenet-1                        completed       588 J",
        "  a-file-with-a-long-name.arrow  failed: out   1.25 kJ",
        "                                 of memory",
    ]


def test_the_heading_of_a_column_of_numbers_wraps() -> None:
    table = table_of(("", "accuracy per kJ"), [("at the end", "13.3")], numeric=[1])
    assert list(table.lines(22)) == [
        "              accuracy",
        "                per kJ",
        "  at the end      13.3",
    ]
    assert [table.heading_lines(width) for width in (22, None, 12)] == [2, 1, 0]


def test_rows_become_blocks_where_columns_do_not_fit() -> None:
    assert lines(30) == [
        "  lenet-1",
        "    status  completed",
        "    energy  588 J",
        "  a-file-with-a-long-name.arrow",
        "    status  failed: out of",
        "            memory",
        "    energy  1.25 kJ",
    ]


@given(st.integers(1, 120))
def test_no_word_is_broken_or_lost_at_any_width(width: int) -> None:
    words = " ".join(cell for row in ROWS for cell in row).split()
    shown = " ".join(lines(width)).split()
    assert sorted(word for word in shown if word not in HEADINGS) == sorted(words)


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1), st.integers(9, 60))
def test_no_line_is_wider_than_asked_if_no_word_is(words: list[str], width: int) -> None:
    wrapped = wrapped_lines(" ".join(words), width)
    assert all(len(line) <= width for line in wrapped)
    assert " ".join(wrapped) == " ".join(words)


def test_columns_with_neither_heading_nor_cell_are_left_out() -> None:
    table = table_of(("a", "", "b"), [("1", "", "2")], numeric=[2])
    assert (table.headings, table.rows) == (("a", "b"), (("1", "2"),))
    assert table.numeric == {1}


def test_wide_characters_take_two_cells() -> None:
    assert list(table_of(("", ""), [("幅", "x"), ("ab", "y")]).lines()) == ["  幅  x", "  ab  y"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\x1b[31mred", "\\x1b[31mred"), ("two\nlines", "two\\nlines"), ("\u202egnp", "\\u202egnp")],
)
def test_what_a_terminal_would_obey_is_escaped(name: str, shown: str) -> None:
    assert list(table_of(("name",), [(name,)]).lines()) == ["  name", f"  {shown}"]
    assert list(table_of((name,), [("a",)]).lines()) == [f"  {shown}", "  a"]


def test_further_lines_stand_below_the_first() -> None:
    assert hanging("one two three", "  ! ", 12) == ["  ! one two", "    three"]
