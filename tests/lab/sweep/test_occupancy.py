"""Who may measure on a device at the same time."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from effmeter.errors import EffmeterError
from effmeter.lab.sweep.occupancy import DeviceBusyError, occupy

HOLD = """
import os, sys
from effmeter.lab.sweep.occupancy import occupy
with occupy("cpu", os.environ):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    return {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.mark.parametrize(("first", "second"), [("cpu", "cpu"), ("cpu", "g0"), ("g0", "cpu")])
def test_the_processor_is_held_alone(first: str, second: str, environ: Mapping[str, str]) -> None:
    with occupy(first, environ), pytest.raises(DeviceBusyError), occupy(second, environ):
        pass


def test_an_accelerator_is_held_alone(environ: Mapping[str, str]) -> None:
    with occupy("g0", environ), pytest.raises(DeviceBusyError, match="g0"), occupy("g0", environ):
        pass


def test_two_accelerators_are_measured_side_by_side(environ: Mapping[str, str]) -> None:
    held = []
    with occupy("g0", environ), occupy("g1", environ):
        held.append("both")
    assert held == ["both"]


def test_it_is_free_again_afterwards(environ: Mapping[str, str]) -> None:
    for _ in range(2):
        with occupy("cpu", environ):
            assert (Path(environ["XDG_RUNTIME_DIR"]) / "effmeter").is_dir()


def test_the_holders_process_is_named_and_its_end_frees_the_device(
    environ: Mapping[str, str],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(EffmeterError, match=f"process {holder.pid}"), occupy("cpu", environ):
            pass
        holder.kill()
        holder.wait()
        with occupy("cpu", environ):
            pass


def test_who_waits_is_told_for_whom_and_goes_on_when_it_is_free(
    environ: Mapping[str, str],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        told: list[str] = []

        def let_go(reason: str) -> None:
            assert holder.stdin is not None
            told.append(reason)
            holder.stdin.close()

        with occupy("cpu", environ, let_go):
            assert told == [f"cpu is in use by another measured training (process {holder.pid})"]
