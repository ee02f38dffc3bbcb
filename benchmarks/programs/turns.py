"""Times the same pure Python work unrecorded and recorded, by turns; prints JSON."""

import json
import sys
import time

import psutil

from benchmarks.programs.lasting import recorded

CALM_S = 0.2


def work(loops: int) -> int:
    """Something that only a processor is needed for."""
    total = 0
    for number in range(loops):
        total += number * number % 7
    return total


def time_work(loops: int) -> int:
    """Nanoseconds of the work."""
    began_ns = time.perf_counter_ns()
    work(loops)
    return time.perf_counter_ns() - began_ns


def time_recorded(loops: int, path: str, rate_hz: float) -> int:
    """Nanoseconds of the work alone; the recording begins before it and ends after."""
    with recorded(path, rate_hz=rate_hz, recorder="private"):
        time.sleep(CALM_S)
        return time_work(loops)


def count_threads(path: str, rate_hz: float) -> int:
    """How many threads this program has while it is recorded."""
    with recorded(path, rate_hz=rate_hz, recorder="private"):
        return psutil.Process().num_threads()


def time_block(loops: int, block: str, rate_hz: float) -> list[int]:
    """Four turns, A B B A, each after a pause."""
    taken = []
    for turn, is_recorded in enumerate((False, True, True, False)):
        time.sleep(CALM_S)
        path = f"{block}-{turn}.arrow"
        taken.append(time_recorded(loops, path, rate_hz) if is_recorded else time_work(loops))
    return taken


def main() -> None:
    """``{"folder", "rate_hz", "seconds", "blocks"}``; prints blocks of four turns."""
    settings = json.loads(sys.argv[1])
    loops = int(200_000 * settings["seconds"] * 1e9 / time_work(200_000))
    folder, rate_hz = settings["folder"], settings["rate_hz"]
    threads = count_threads(f"{folder}/threads.arrow", rate_hz)
    blocks = [time_block(loops, f"{folder}/turn-{n}", rate_hz) for n in range(settings["blocks"])]
    print(json.dumps({"blocks": blocks, "threads": threads}))


if __name__ == "__main__":
    main()
