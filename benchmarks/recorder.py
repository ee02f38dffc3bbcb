"""The recorder's processor time, beside a bare loop that reads the same sensors."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.figures import Figure, Result, Spread, counted, paired
from benchmarks.surroundings import Surroundings
from benchmarks.usage import Rates
from benchmarks.windows import LOOP, RECORDER, TIMER, Duration, Window, observe

NAME = "recorder"
TITLE = "the recorder over two RAPL zones and one GPU (simulated)"
RATES_HZ = (10, 100, 1000)
READING_BYTES = 16
USUAL = Duration(warm_up_s=1.5, watched_s=3.0)
"""The first second of a recording holds what happens once: libraries load, the file begins."""
SETTLED = Duration(warm_up_s=6.0, watched_s=3.0)
"""For some seconds after a mark, and so after the beginning, the GPU's counter is read closely."""
QUICK = Duration(warm_up_s=0.3, watched_s=0.4)
AFTER_MARK = "recorder after a mark"
BARE = {
    LOOP: "a loop that sleeps to deadlines and reads the same sensors",
    TIMER: "a loop that only sleeps to deadlines",
}

Windows = Mapping[tuple[str, int], Sequence[Window]]


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Windows of recorder, bare loop and bare timer in turn, at each rate."""
    rounds = 1 if quick else 5
    windows: dict[tuple[str, int], list[Window]] = defaultdict(list)
    for number in range(rounds):
        for rate_hz in RATES_HZ:
            tell(f"round {number + 1} of {rounds}, {rate_hz} Hz")
            for kind in _turn(number, rate_hz):
                who = RECORDER if kind == AFTER_MARK else kind
                windows[kind, rate_hz].append(observe(place, who, rate_hz, _duration(kind, quick)))
    facts = _facts(windows, quick)
    return Result(NAME, TITLE, tuple(_floor(windows)), tuple(_figures(windows)), facts)


def _turn(number: int, rate_hz: int) -> tuple[str, ...]:
    """Forwards and backwards, so that a drift of the machine falls out."""
    recorders = (RECORDER, AFTER_MARK) if rate_hz == RATES_HZ[0] else (RECORDER,)
    kinds = (*recorders, LOOP, TIMER)
    return kinds if number % 2 == 0 else kinds[::-1]


def _duration(kind: str, quick: bool) -> Duration:
    if quick:
        return QUICK
    return SETTLED if kind == RECORDER else USUAL


def _floor(windows: Windows) -> Iterator[Figure]:
    for rate_hz in RATES_HZ:
        for what, of in (
            ("wake-ups", lambda rates: rates.wake_ups),
            ("reads and writes", lambda rates: rates.reads_and_writes),
        ):
            here, bare = (_rates(windows, kind, rate_hz, of) for kind in (RECORDER, LOOP))
            if here and bare:
                yield paired(f"{what} at {rate_hz} Hz", "1/s", here, BARE[LOOP], bare)
    fastest = [w.file_bytes_per_reading for w in windows[RECORDER, RATES_HZ[-1]]]
    name = f"run file for each reading at {RATES_HZ[-1]} Hz"
    packed = "a time and a value, packed"
    yield counted(name, "bytes", Spread.of(fastest).median, packed, READING_BYTES)


def _figures(windows: Windows) -> Iterator[Figure]:
    for rate_hz in RATES_HZ:
        recorder, loop, timer = (
            [rate * 1e3 for rate in _rates(windows, kind, rate_hz, lambda rates: rates.cpu_s)]
            for kind in (RECORDER, LOOP, TIMER)
        )
        yield paired(f"processor time at {rate_hz} Hz", "ms/s", recorder, BARE[LOOP], loop)
        after_mark = _rates(windows, AFTER_MARK, rate_hz, lambda rates: rates.cpu_s * 1e3)
        if after_mark:
            name = f"processor time at {rate_hz} Hz, for 5 s after each mark"
            yield paired(name, "ms/s", after_mark, BARE[LOOP], loop)
        name = f"the bare loop itself at {rate_hz} Hz"
        yield paired(name, "ms/s", loop, BARE[TIMER], timer)


def _rates(
    windows: Windows, kind: str, rate_hz: int, of: Callable[[Rates], float | None]
) -> list[float]:
    """One rate of use from each window; empty where this system does not tell it."""
    values = [of(window.rates) for window in windows[kind, rate_hz]]
    return [value for value in values if value is not None]


def _facts(windows: Windows, quick: bool) -> dict[str, str | float]:
    """Deadlines missed in all windows together: the recorder's by probe, as its files say."""
    facts: dict[str, str | float] = {}
    for rate_hz in RATES_HZ:
        told = []
        for kind, who in ((RECORDER, "powercap"), (RECORDER, "nvml"), (LOOP, ""), (TIMER, "")):
            seen = windows[kind, rate_hz]
            missed = sum(window.missed.get(who or f"bare {kind}", 0) for window in seen)
            lasted_s = len(seen) * sum(_duration(kind, quick))
            told.append(f"{who or f'bare {kind}'} {missed} in {lasted_s:.0f} s")
        facts[f"deadlines missed at {rate_hz} Hz"] = ", ".join(told)
    return facts
