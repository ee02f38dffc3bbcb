"""``import effmeter``, beside a Python that does nothing."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from benchmarks.figures import Result, counted, paired
from benchmarks.surroundings import ROOT, Surroundings

NAME = "import"
TITLE = "import effmeter"
PASS = "python -c pass"
STATEMENTS = {
    "pass": "pass",
    "import effmeter": "import effmeter",
    "import effmeter; effmeter.track": "import effmeter; effmeter.track",
}
LIBRARIES = (
    "amdsmi",
    "click",
    "numba",
    "numpy",
    "psutil",
    "pyarrow",
    "pynvml",
    "rich",
    "torch",
)
"""What ``import effmeter`` must leave to those who need it."""
_COUNT = "import sys; {}; print(len(sys.modules), *sorted({!r} & set(sys.modules)))"


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Whole processes, by turns; and the modules that each has loaded."""
    rounds = 3 if quick else 40
    tell(f"{rounds} rounds of {len(STATEMENTS)} processes")
    taken_ms: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(rounds):
        for name in sorted(STATEMENTS, reverse=bool(number % 2)):
            taken_ms[name].append(_time_ms(STATEMENTS[name], place.environ))
    loaded = {name: _loaded(statement, place.environ) for name, statement in STATEMENTS.items()}
    ours = [name for name in STATEMENTS if name != "pass"]
    floor = [
        counted(f"modules loaded by {name}", "", loaded[name][0], PASS, loaded["pass"][0])
        for name in ours
    ]
    figures = [paired(name, "ms", taken_ms[name], PASS, taken_ms["pass"]) for name in ours]
    checked = ", ".join(LIBRARIES)
    facts = {
        f"of {checked}, loaded by {name}": " ".join(loaded[name][1]) or "none" for name in ours
    }
    return Result(NAME, TITLE, tuple(floor), tuple(figures), facts)


def _time_ms(statement: str, environ: Mapping[str, str]) -> float:
    began_ns = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", statement], cwd=ROOT, env=dict(environ), check=True)
    return (time.perf_counter_ns() - began_ns) * 1e-6


def _loaded(statement: str, environ: Mapping[str, str]) -> tuple[int, list[str]]:
    """How many modules a fresh Python has loaded, and which of the libraries."""
    program = _COUNT.format(statement, set(LIBRARIES))
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=True,
    )
    count, *libraries = finished.stdout.split()
    return int(count), libraries
