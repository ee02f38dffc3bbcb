"""A processor-bound loop recorded at 100 Hz, beside the same loop unrecorded."""

from collections.abc import Callable

from benchmarks.figures import Result, counted, paired
from benchmarks.surroundings import Surroundings, run

NAME = "slowdown"
TITLE = "a pure Python loop, recorded at 100 Hz"
RATE_HZ = 100.0


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Blocks of turns in the order A B B A, so that a steady drift of the machine falls out."""
    seconds, blocks = (0.1, 2) if quick else (0.5, 20)
    tell(f"{blocks} blocks of four turns of {seconds} s")
    settings = {"folder": str(place.folder), "rate_hz": RATE_HZ}
    told = run("turns", {**settings, "seconds": seconds, "blocks": blocks}, place.environ)
    turns_ms = [[taken * 1e-6 for taken in block] for block in told["blocks"]]
    first, last = [block[0] for block in turns_ms], [block[3] for block in turns_ms]
    recorded = [(block[1] + block[2]) / 2 for block in turns_ms]
    unrecorded = [(block[0] + block[3]) / 2 for block in turns_ms]
    threads = told["threads"]
    floor = counted("threads of the recorded program", "", threads, "the program's own", 1)
    figures = (
        paired("the loop, recorded", "ms", recorded, "unrecorded", unrecorded, with_interval=True),
        paired(
            "the loop, unrecorded both times", "ms", last, "unrecorded", first, with_interval=True
        ),
    )
    return Result(NAME, TITLE, (floor,), figures)
