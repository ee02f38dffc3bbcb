"""Pages fit their stream: a terminal has a width and styles, a pipe neither."""

import io

import pytest

from effmeter.report.page import Page, width_of

LONG = "word " * 40


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_a_pipe_has_no_width_and_no_styles() -> None:
    page = Page.for_stream(io.StringIO())
    page.title(LONG)
    page.warning(LONG)
    assert str(page) == f"{LONG.strip()}\n  ! {LONG.strip()}"


def test_columns_sets_the_width_of_a_pipe_and_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert (width_of(io.StringIO()), width_of(Terminal())) == (60, 60)


def test_a_terminal_has_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page.for_stream(Terminal())
    page.title("lenet")
    assert str(page) == "\x1b[1mlenet\x1b[0m"


def test_no_color_takes_the_styles_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    page = Page.for_stream(Terminal())
    page.title("lenet")
    assert str(page) == "lenet"


def test_facts_are_aligned_and_wrap_below_their_values() -> None:
    page = Page(20)
    page.facts([("file", "x.arrow"), ("labels", "a=1, b=2, c=3")])
    assert str(page).splitlines() == ["  file    x.arrow", "  labels  a=1, b=2,", "          c=3"]


def test_a_command_to_copy_is_one_line() -> None:
    page = Page(20)
    page.verbatim("sudo modprobe intel_rapl_msr", "    ")
    assert str(page) == "    sudo modprobe intel_rapl_msr"


def test_the_heading_line_alone_is_dim() -> None:
    page = Page(80, has_styles=True)
    page.table(("run", "energy"), [("a", "1 J")], numeric=[1])
    assert str(page).splitlines() == ["\x1b[2m  run  energy\x1b[0m", "  a       1 J"]


def test_a_table_of_blocks_has_no_heading_line() -> None:
    page = Page(8, has_styles=True)
    page.table(("run", "energy"), [("a", "1 J")], numeric=[1])
    assert str(page).splitlines() == ["  a", "    energy  1 J"]
