"""What the programs of a cell state about themselves, beside what effmeter records of them.

Each line of the file that ``VARIABLE`` names is one block: programs append to it at once.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from effmeter.clock import now_ns

VARIABLE = "TESTED_BLOCKS"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch that a program spent inside ``track``."""

    run: str
    begin_ns: int
    end_ns: int
    pid: int


def train(run: str, seconds: float) -> None:
    """The work inside of ``track``: lasts so long, leaves the processor alone, and is stated."""
    begin_ns = now_ns()
    time.sleep(seconds)
    state(run, begin_ns)


def state(run: str, begin_ns: int) -> None:
    """State a block that ends now."""
    line = json.dumps(asdict(Block(run, begin_ns, now_ns(), os.getpid()))) + "\n"
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def blocks_in(path: Path) -> list[Block]:
    """The blocks that a cell's programs stated."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Block(**json.loads(line)) for line in lines]
