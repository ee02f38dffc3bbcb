import ctypes
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import compile_fake_nvml


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated library, loaded: pynvml then finds it by its name."""
    path = compile_fake_nvml(tmp_path_factory.mktemp("nvml"))
    ctypes.CDLL(str(path))
    return path


@pytest.fixture
def bench(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NvmlBench:
    configuration = tmp_path / "nvml.txt"
    monkeypatch.setenv("EFFMETER_FAKE_NVML", str(configuration))
    return NvmlBench(configuration)
