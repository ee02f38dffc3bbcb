import sys
import time
from pathlib import Path

import pytest

from effmeter.errors import ProbeError
from effmeter.probes.program_output import run_program
from tests.recording import eventually

SCRIPT = "import sys; print('42'); print('oh', file=sys.stderr); sys.exit(3)"


def test_what_a_program_prints_is_told_from_what_it_complains_of() -> None:
    output = run_program([sys.executable, "-c", SCRIPT], 30.0)
    assert (output.text, output.complaints, output.status) == ("42\n", "oh\n", 3)


def test_a_program_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(ProbeError, match=r"/no/such: No such file"):
        run_program(["/no/such"], 1.0)


@pytest.mark.real_time
def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = tmp_path / "hang"
    script.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/pid\nwait\n")
    script.chmod(0o755)
    begun_s = time.monotonic()
    with pytest.raises(ProbeError, match=r"within 0\.5 s"):
        run_program([str(script)], 0.5)
    assert time.monotonic() - begun_s < 20.0
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid), "the child has ended")


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and is only not collected yet."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
