"""``python -m tests.fuzz``: mutate run files and messages for some seconds each."""

import argparse
import collections
import contextlib
import faulthandler
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Protocol

from tests.fuzz.fuzz_files import FileFuzzer
from tests.fuzz.fuzz_protocol import ProtocolFuzzer

LONGEST_STEP_S = 60
"""A step that takes longer hangs: it takes a tenth of a second, on a loaded machine a few."""
FAILURES = Path("build/fuzz")


class Fuzzer(Protocol):
    """What is run step after step."""

    input: Path

    def step(self, rng: Random) -> str:
        """One input; its kind. Raises where the outcome is wrong."""


@contextlib.contextmanager
def _fuzzer(name: str, folder: Path) -> Iterator[Fuzzer]:
    if name == "files":
        yield FileFuzzer(folder)
    else:
        with ProtocolFuzzer(folder) as fuzzer:
            yield fuzzer


def main() -> int:
    """The exit status: 1 where an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", default=["files", "protocol"])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each runs")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--step", type=int, help="run this step alone")
    given = parser.parse_args()
    faulthandler.enable()
    return max(fuzz(name, given.seed, given.seconds, given.step) for name in given.names)


def fuzz(name: str, seed: int, seconds: float, only: int | None = None) -> int:
    """Run one fuzzer; 1 where an input failed, which is kept."""
    print(f"{name}: seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="effmeter-fuzz-"))
    kinds: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + seconds
    print(f"{name}: the input at work, should the process end, is in {folder}", flush=True)
    with _fuzzer(name, folder) as fuzzer:
        step = 0 if only is None else only
        while time.monotonic() < until:
            faulthandler.dump_traceback_later(LONGEST_STEP_S, exit=True)
            try:
                kinds[fuzzer.step(Random(f"{seed}/{step}"))] += 1
            except Exception:
                traceback.print_exc()
                kept = _keep(fuzzer.input, f"{name}-{seed}-{step}")
                again = f"python -m tests.fuzz {name} --seed {seed} --step {step}"
                print(f"{name}: step {step} failed; its input is {kept}; again: {again}")
                return 1
            finally:
                faulthandler.cancel_dump_traceback_later()
            step += 1
            if only is not None:
                break
    shutil.rmtree(folder)
    print(f"{name}: {sum(kinds.values())} inputs: {dict(sorted(kinds.items()))}", flush=True)
    return 0


def _keep(path: Path, name: str) -> Path:
    FAILURES.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(path, FAILURES / f"{name}{path.suffix}"))


if __name__ == "__main__":
    sys.exit(main())
