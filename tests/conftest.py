"""What every test stands on: the developer's own recorders, runs and settings stay out.

Tests run in several worker processes (``make test``). A module's tests stay in one worker, so that
its fixtures are built once; tests in real time run one after another, in one worker: beside each
other they would take the time from each other that they measure. A module that records, but holds
however long its programs take, is marked ``untimed`` and runs in any worker. Tests of kernels share
a worker too: in several, each would compile the same kernels.
"""

import contextlib
import functools
import gc
import importlib
import os
import re
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]

# Tensors are tiny here: threads that wait for each other take most of the time, above all beside
# other work. Read when torch is loaded, in tests and in the programs that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiled kernels are kept from run to run. Read when Numba is loaded.
os.environ.setdefault("NUMBA_CACHE_DIR", str(REPOSITORY / ".numba_cache"))

# A slow machine is no failure, and what fails once shall fail again.
settings.register_profile("effmeter", deadline=None, derandomize=True)
settings.register_profile("short", settings.get_profile("effmeter"), max_examples=40)

RECORDS = re.compile(r"^from tests\.(recording|simulated\.machine) import|mark\.real_time", re.M)
"""In the source of a module whose tests record for real, or are marked."""

UNTIMED = re.compile(r"^pytestmark = pytest\.mark\.untimed", re.M)
"""In the source of a module whose tests hold however long the programs take that they start."""

COMPILING = tuple(f"tests/{part}/" for part in ("kernels", "methods/gradients", "methods/ops"))
"""Folders whose tests need most of the compiled kernels: one worker compiles them, once."""

TOGETHER = (
    ("tests/test_imports.py", "tests/test_tree.py"),
    ("tests/lab/workloads/models/test_flops.py", "tests/lab/cli/test_flops_page.py"),
    (
        "tests/tools/test_accelerate.py",
        "tests/tools/test_deepspeed.py",
        "tests/tools/test_lightning.py",
        "tests/tools/test_torch_multiprocessing.py",
        "tests/tools/test_torchrun.py",
    ),
)
"""Modules that parse the same sources, or count the same models: one worker does it, once.
Launchers that listen at one port by default, or at one that was free a moment ago: one at a time.
"""

YIELDING_NICENESS = 10
TRACES_VARIABLE = "EFFMETER_TRACES"
"""Names the folder of recordings of metered cards, for the tests that replay them."""
MLPERF_VARIABLE = "EFFMETER_MLPERF"
"""Names the folder of a benchmark's published power logs, for the tests that import them."""


@functools.cache
def in_real_time(module: Path) -> bool:
    """Whether the tests of a module measure time, so that no other such test may run beside."""
    source = module.read_text()
    return RECORDS.search(source) is not None and UNTIMED.search(source) is None


def pytest_configure(config: pytest.Config) -> None:
    """Fewer drawn examples where the longest proofs are left out; programs can be interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Shells start commands in the background so; the programs that tests start inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("short" if config.option.markexpr == "not slow" else "effmeter")


def import_own_share(arguments: list[str]) -> None:
    """In one of several workers: import its share of the test modules before all are collected.

    All workers collect in one order. In a fresh checkout each would compile every module, beside
    the others; so each compiles its share, and finds what the others have compiled.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not number or not all(Path(argument).is_dir() for argument in arguments):
        return
    files = sorted(file for folder in arguments for file in Path(folder).rglob("test_*.py"))
    shares = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for file in files[int(number) :: shares]:
        module = file.resolve().relative_to(REPOSITORY).with_suffix("")
        if module.parts[:2] != ("tests", "tools"):
            # What cannot be imported is reported when it is collected.
            with contextlib.suppress(Exception, pytest.skip.Exception):
                importlib.import_module(".".join(module.parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Keep the garbage collector from what stays until the end: modules and collected tests.

    They are a million objects, and every full collection would visit each of them: those that
    run while the modules are imported, and those that a sweep makes before each training.
    """
    gc.disable()
    try:
        import_own_share(session.config.args)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests in real time."""
    if in_real_time(item.path):
        item.add_marker("real_time")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the worker of the tests in real time go first where several workers share the cores.

    Its group is one of the largest, which are handed out first: to workers that have run nothing.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and not in_real_time(item.path):
        os.nice(max(0, YIELDING_NICENESS - os.nice(0)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep each module's tests in one worker; real time and kernels have one worker each."""
    from xdist.scheduler import LoadScopeScheduling

    def group_of(node_id: str) -> str:
        module = node_id.split("::")[0]
        if in_real_time(REPOSITORY / module):
            return "real time"
        if module.startswith(COMPILING):
            return "kernels"
        return next((group[0] for group in TOGETHER if module in group), module)

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = group_of
    return scheduler


@pytest.fixture(scope="session", autouse=True)
def own_surroundings() -> Iterator[None]:
    """A runtime directory of the tests' own (short: sockets live in it), and no settings."""
    with tempfile.TemporaryDirectory(prefix="em-") as runtime, pytest.MonkeyPatch.context() as env:
        for name in [name for name in os.environ if name.startswith("EFFMETER_")]:
            if name not in (TRACES_VARIABLE, MLPERF_VARIABLE):
                env.delenv(name)
        env.delenv("COLUMNS", raising=False)  # pytest-xdist sets it in its workers
        for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
            env.setenv(name, runtime)
        yield
