"""The recorder's processor time, beside a bare loop that reads the same sensors."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.figures import Figure, Result, Spread, counted, paired
from bench.surroundings import Surroundings
from bench.usage import Rates
from bench.windows import LOOP, RECORDER, TIMER, Duration, Window, observe

NAME = "recorder"
TITLE = "the recorder over two RAPL zones and one GPU (simulated)"
RATES_HZ = (10, 100, 1000)
READING_BYTES = 16
USUAL = Duration(warm_up_s=1.5, watched_s=3.0)
"""The first second of a recording holds what happens once: libraries load, the file begins."""
QUICK = Duration(warm_up_s=0.3, watched_s=0.4)
BARE = {
    LOOP: "a loop that sleeps to deadlines and reads the same sensors",
    TIMER: "a loop that only sleeps to deadlines",
}

Windows = Mapping[tuple[str, int], Sequence[Window]]


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Windows of recorder, bare loop and bare timer in turn, at each rate."""
    duration, rounds = (QUICK, 1) if quick else (USUAL, 5)
    windows: dict[tuple[str, int], list[Window]] = defaultdict(list)
    for number in range(rounds):
        for rate_hz in RATES_HZ:
            tell(f"round {number + 1} of {rounds}, {rate_hz} Hz")
            for kind in _turn(number):
                windows[kind, rate_hz].append(observe(place, kind, rate_hz, duration))
    facts = _facts(windows, sum(duration))
    return Result(NAME, TITLE, tuple(_floor(windows)), tuple(_figures(windows)), facts)


def _turn(number: int) -> tuple[str, ...]:
    """Forwards and backwards, so that a drift of the machine falls out."""
    kinds = (RECORDER, LOOP, TIMER)
    return kinds if number % 2 == 0 else kinds[::-1]


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
        name = f"the bare loop itself at {rate_hz} Hz"
        yield paired(name, "ms/s", loop, BARE[TIMER], timer)


def _rates(
    windows: Windows, kind: str, rate_hz: int, of: Callable[[Rates], float | None]
) -> list[float]:
    """One rate of use from each window; empty where this system does not tell it."""
    values = [of(window.rates) for window in windows[kind, rate_hz]]
    return [value for value in values if value is not None]


def _facts(windows: Windows, per_window_s: float) -> dict[str, str | float]:
    """Deadlines missed in all windows together: the recorder's by probe, as its files say."""
    facts: dict[str, str | float] = {}
    for rate_hz in RATES_HZ:
        missed = Counter({"powercap": 0, "nvml": 0})
        for kind in (RECORDER, *BARE):
            for window in windows[kind, rate_hz]:
                missed.update(window.missed)
        due = round(len(windows[RECORDER, rate_hz]) * per_window_s * rate_hz)
        told = ", ".join(f"{who} {count}" for who, count in missed.items())
        facts[f"deadlines missed at {rate_hz} Hz, of some {due} each"] = told
    return facts
