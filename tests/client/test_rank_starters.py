"""A process is told from the rank that started it."""

import pytest

from effmeter.client.rank_starters import is_child_of_rank
from tests.client.process_table import OWN_PID, ProcessTable, Row

RANK = {"RANK": "1"}


def is_child(*ancestors: Row) -> bool:
    """Whether the process whose parent is the first of these is a child of rank 1."""
    rows = {OWN_PID: Row(parent=OWN_PID - 1)}
    for above, row in enumerate(ancestors, 1):
        row.parent = OWN_PID - above - 1
        rows[OWN_PID - above] = row
    return is_child_of_rank(ProcessTable(rows), lambda environ: environ.get("RANK") == "1")


def rank(*command: str) -> Row:
    return Row(environ=RANK, command=command)


AGENT = Row(command=("/usr/bin/python3", "torchrun", "train.py"))


@pytest.mark.parametrize(
    "command",
    [
        ("python", "train.py"),
        ("/opt/venv/bin/python3.13t", "-P", "-X", "dev", "-m", "package.train"),
        ("Python", "-c", "import train"),
        ("pypy3", "-"),
        ("python3",),
        ("python3", "-m", "effmeters.train"),
    ],
)
def test_a_process_that_a_rank_s_python_started_is_its_child(command: tuple[str, ...]) -> None:
    assert is_child(rank(*command), AGENT)


@pytest.mark.parametrize(
    "command",
    [
        ("/bin/bash", "./train.sh"),
        ("numactl", "-N", "0", "python", "train.py"),
        ("/venv/bin/python", "/venv/bin/effmeter", "run", "--", "python", "train.py"),
        ("python3", "-P", "-m", "effmeter", "run", "--", "python", "train.py"),
        ("python", "-W", "ignore", "/opt/conda/bin/conda", "run", "python", "train.py"),
        ("python", "-Im", "accelerate.commands.launch", "train.py"),
        (),
    ],
)
def test_a_process_behind_a_program_that_only_starts_others_is_the_rank(
    command: tuple[str, ...],
) -> None:
    assert not is_child(rank(*command), AGENT)


def test_a_child_is_told_through_scripts_of_its_own() -> None:
    assert is_child(rank("sh", "prepare.sh"), rank("python", "train.py"), AGENT)


def test_what_the_agent_and_another_rank_start_is_a_rank() -> None:
    assert not is_child(AGENT)
    assert not is_child(Row(environ={"RANK": "0"}, command=("python", "train.py")), AGENT)
    assert not is_child()


def test_an_environment_that_cannot_be_read_proves_nothing() -> None:
    assert not is_child(Row(environ=None, command=("python", "train.py")))
