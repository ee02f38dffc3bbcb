"""What every test stands on: no recorder, run or setting of the developer's own gets in."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Tensors are tiny here: threads that wait for each other take most of the time, above all beside
# other work. Read when torch is loaded, in tests and in the programs that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow machine is no failure, and what fails once shall fail again.
settings.register_profile("effmeter", deadline=None, derandomize=True)
settings.load_profile("effmeter")


@pytest.fixture(scope="session", autouse=True)
def own_surroundings() -> Iterator[None]:
    """A runtime directory of the tests' own (short: sockets live in it), and no settings."""
    with tempfile.TemporaryDirectory(prefix="em-") as runtime, pytest.MonkeyPatch.context() as env:
        for name in [name for name in os.environ if name.startswith("EFFMETER_")]:
            env.delenv(name)
        for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
            env.setenv(name, runtime)
        yield
