"""Every case runs in Numba's simulator, where this process is one, and else on a GPU."""

import pytest

pytest.importorskip("numba")

from numba import cuda
from numba.core import config

from tests.kernels.cuda.devices import Device, Gpu, Simulator

SIMULATED = bool(config.ENABLE_CUDASIM)

# The simulator compiles nothing, and these start the simulator.
collect_ignore = ["test_compilation.py", "test_simulation.py"] if SIMULATED else []


@pytest.fixture(params=["simulator" if SIMULATED else pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Device:
    if SIMULATED:
        return Simulator()
    if not cuda.is_available():
        pytest.skip("there is no CUDA device")
    return Gpu()
