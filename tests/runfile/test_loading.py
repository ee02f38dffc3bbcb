"""A recorder loads what it needs before it changes its user, and never pandas."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def loaded_by(program: str) -> list[str]:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return finished.stdout.split()


def test_writing_loads_nothing_after_the_rehearsal_and_never_pandas() -> None:
    printed = loaded_by(
        """
import os, sys
from effmeter.runfile.format import Event, Metadata
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.loading import keep_unneeded_out, load_what_writing_needs
from effmeter.runfile.row import EventRow, RowBuffer
keep_unneeded_out()
metadata = Metadata("id", "name", 1, 2)
load_what_writing_needs(metadata)
before = set(sys.modules)
rows = RowBuffer(0)
rows.add_event(EventRow(0, Event.NOTE))
file = FramedFile(lambda frame: None, metadata)
file.write_batch(rows.take()(file.schema))
file.close()
print(sorted(set(sys.modules) - before), "pandas" in sys.modules)
"""
    )
    assert printed == ["[]", "False"]


def test_a_report_loads_no_pandas_which_pyarrow_would(tmp_path: Path) -> None:
    """A stand-in for an installed pandas that tells when it is imported."""
    (tmp_path / "pandas.py").write_text("raise SystemExit('pandas was imported')")
    golden = ROOT / "tests" / "golden" / "run-v2.arrow"
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ["effmeter", "report", {str(golden)!r}]
from effmeter.cli import main
main()
"""
    assert "architecture=lenet," in loaded_by(program)
