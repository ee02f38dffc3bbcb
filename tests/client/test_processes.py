"""The processes of this machine as the client sees them."""

import os
import subprocess
import sys

import psutil
import pytest

from effmeter.client.processes import OtherProcesses, Processes, own_processes

SYSTEMS = [own_processes(), OtherProcesses()]


@pytest.mark.parametrize("processes", SYSTEMS, ids=lambda p: type(p).__name__)
def test_the_ancestors_begin_with_the_parent_and_keep_their_starts(processes: Processes) -> None:
    first = next(iter(processes.ancestors()))
    assert first.pid == os.getppid()
    assert processes.find(first.pid) == first
    assert processes.namespace


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**62])
def test_a_number_that_no_process_has_is_none(pid: int) -> None:
    assert own_processes().find(pid) is None


@pytest.mark.parametrize("error", [psutil.AccessDenied(), OSError(), RuntimeError()])
def test_where_the_boot_is_not_stated_there_is_no_namespace(error: Exception) -> None:
    def refuse() -> float:
        raise error

    assert OtherProcesses(refuse).namespace == ""


@pytest.mark.parametrize("processes", SYSTEMS, ids=lambda p: type(p).__name__)
def test_a_process_shows_its_environment_and_command_and_is_gone_after_its_end(
    processes: Processes,
) -> None:
    command = [sys.executable, "-c", "input('runs\\n')"]
    with subprocess.Popen(
        command, env={"A": "1=2", "B": ""}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        # Popen returns while the kernel may still be setting up the new program's memory.
        assert child.stdout is not None
        assert child.stdout.readline() == b"runs\n"
        found = processes.find(child.pid)
        assert found is not None
        environment = processes.environment(found)
        assert environment is not None
        assert (environment["A"], environment["B"]) == ("1=2", "")
        assert processes.command(found) == tuple(command)
        child.communicate(b"\n")
    assert processes.find(child.pid) is None
    assert processes.environment(found) is None
    assert processes.command(found) == ()
