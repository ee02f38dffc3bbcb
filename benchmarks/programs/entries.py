"""Times entering and leaving ``track()`` beside the starts of bare processes; prints JSON."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import effmeter
from benchmarks.programs.lasting import require_recorder

STAY_S = 0.5
"""Shorter than any training, long enough for the recorder to have loaded what it needs."""
BARE = {"pass": "pass", "pyarrow": "import pyarrow"}


def time_tracking(path: str, recorder: str) -> tuple[int, int]:
    """Nanoseconds of entering and of leaving."""
    tracker = effmeter.track(path, recorder=recorder)
    began_ns = time.perf_counter_ns()
    run = tracker.__enter__()
    entered_ns = time.perf_counter_ns()
    recorder_pid = run.recorder_pid
    time.sleep(STAY_S)
    require_recorder(run, recorder_pid)
    leaving_ns = time.perf_counter_ns()
    tracker.__exit__(None, None, None)
    return entered_ns - began_ns, time.perf_counter_ns() - leaving_ns


def time_process(statement: str) -> int:
    """Nanoseconds of a Python that does one thing, from its start to its end."""
    began_ns = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter_ns() - began_ns


def count_waits(action: Callable[[], object]) -> int:
    """How often an action waits for a descriptor: for an answer of the recorder, here."""
    waits = 0

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        nonlocal waits
        waits += event == "c_call" and argument.__qualname__ == "poll.poll"

    sys.setprofile(count)
    action()
    sys.setprofile(None)
    return waits


def main() -> None:
    """``{"folder", "recorder", "rounds"}``; prints the times of each round."""
    settings = json.loads(sys.argv[1])
    folder, recorder = settings["folder"], settings["recorder"]
    time_tracking(f"{folder}/warm-up-{recorder}.arrow", recorder)
    waits = {}
    tracker = effmeter.track(f"{folder}/counted-{recorder}.arrow", recorder=recorder)
    waits["entering"] = count_waits(tracker.__enter__)
    waits["leaving"] = count_waits(lambda: tracker.__exit__(None, None, None))
    rounds = []
    for number in range(settings["rounds"]):
        bare = {name: time_process(statement) for name, statement in BARE.items()}
        entering, leaving = time_tracking(f"{folder}/{recorder}-{number}.arrow", recorder)
        rounds.append({**bare, "entering": entering, "leaving": leaving})
    print(json.dumps({"rounds": rounds, "waits": waits}))


if __name__ == "__main__":
    main()
