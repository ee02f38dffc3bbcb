"""Every file that was made to hurt is one line or a report, and never a bug."""

from pathlib import Path

import pytest

from tests.fuzz.crafted import CRAFTED
from tests.fuzz.report_check import VIEWS, check_reading, check_view


def test_every_crafted_file_is_one_line_or_a_report(tmp_path: Path) -> None:
    path = tmp_path / "crafted.arrow"
    failed = []
    for place, (name, write) in enumerate(CRAFTED.items()):
        write(path)
        try:
            check_view(path, VIEWS[place % 2])
        except AssertionError as error:
            failed.append((name, str(error), repr(error.__cause__)))
    assert failed == []


@pytest.mark.slow
def test_every_crafted_file_in_every_view(tmp_path: Path) -> None:
    path = tmp_path / "crafted.arrow"
    for write in CRAFTED.values():
        write(path)
        for view in VIEWS:
            check_view(path, view)
        check_reading(path)
