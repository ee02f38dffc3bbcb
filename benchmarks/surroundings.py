"""Where benchmarks run: a simulated machine, programs of their own, the host in words."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import Sine, constant

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The folder that a benchmark may fill, and the environment of the programs it starts."""

    folder: Path
    environ: Mapping[str, str]
    zone_files: tuple[Path, ...]
    gpus: int


@contextmanager
def simulated_machine() -> Iterator[Surroundings]:
    """A RAPL package, its memory and, where the fake NVML can be compiled, one GPU."""
    has_compiler = sys.platform == "linux" and shutil.which("cc") is not None
    gpus = [SimulatedGpu(constant(300.0))] if has_compiler else []
    zones = [package(0, Sine(60.0, 20.0, 1.3)), dram(0, constant(6.0))]
    with (
        tempfile.TemporaryDirectory(prefix="effmeter-bench-") as folder,
        SimulatedMachine(Path(folder) / "machine", zones, gpus) as machine,
    ):
        powercap = machine.sysfs / "class" / "powercap"
        files = tuple(powercap / zone.folder / "energy_uj" for zone in zones)
        environ = {**_without_settings(machine.environ), "PYTHONPATH": _python_path()}
        yield Surroundings(Path(folder), environ, files, len(gpus))


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """A recorder that happens to run, or a recording around this one, must not take part."""
    own = ("SOCKET", "RECORDING", "RUN_FILE", "RUN_ID", "RANK", "RUNS")
    return {
        name: value for name, value in environ.items() if name.removeprefix("EFFMETER_") not in own
    }


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def start(program: str, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    """Start one of ``benchmarks.programs`` with settings; its input and output are pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.programs.{program}", json.dumps(settings)],
        cwd=ROOT,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(program: str, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    """Run one of ``benchmarks.programs`` to its end; the JSON object that it printed."""
    with start(program, settings, environ) as process:
        printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"benchmarks.programs.{program} failed: its traceback stands above")
    return json.loads(printed)


class Host(NamedTuple):
    """The machine that the figures are of."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str


def describe_host() -> Host:
    """This machine, in words."""
    memory_gib = round(psutil.virtual_memory().total / 2**30, 1)
    cores = psutil.cpu_count() or 1
    system = f"{platform.system()} {platform.release()}"
    return Host(_processor(), cores, memory_gib, system, platform.python_version())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
