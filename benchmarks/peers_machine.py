"""Where the tools are compared: one simulated machine that all of them take for the real one.

zeus and codecarbon read ``/sys/class/powercap`` and know no other place, so every tool's program
is started in a mount namespace of its own, where the simulated tree lies there; and in a network
namespace of its own, from which nothing can be reached.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.surroundings import ROOT
from tests.simulated import nvml
from tests.simulated.machine import SimulatedMachine, two_packages
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.powercap import USUAL_RANGE_UJ
from tests.simulated.waveforms import square

CHANNELS = {"cpu": ("cpu0", "cpu1"), "ram": ("dram0",), "gpu": ("gpu0",)}
_SOURCE = Path(__file__).parent / "programs" / "peers_nvml.c"
_PLACES = ("/sys/devices/virtual/powercap", "/sys/class/powercap")


class Scenario(NamedTuple):
    """How soon the counters of the processor and the memory start again."""

    name: str
    range_uj: int


SCENARIOS = (
    Scenario("counters that do not wrap within the run", USUAL_RANGE_UJ),
    Scenario("processor counters that wrap every 2 to 3 s", 150_000_000),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The machine, and what the programs that see it need."""

    machine: SimulatedMachine
    folder: Path
    environ: Mapping[str, str]
    namespace: tuple[str, ...]
    """The words before a command that put it where the machine is; none: they are not allowed."""

    def run(self, program: str, settings: Mapping[str, Any]) -> Any:
        """Run one of ``benchmarks.programs`` on the machine; the JSON of its last line."""
        command = [sys.executable, "-m", f"benchmarks.programs.{program}"]
        settings = {**settings, "with_cpu": bool(self.namespace)}
        finished = subprocess.run(
            [*self.namespace, *command, json.dumps(settings)],
            cwd=ROOT,
            env=dict(self.environ),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise RuntimeError(f"benchmarks.programs.{program} failed: the reason stands above")
        return json.loads(finished.stdout.splitlines()[-1])

    def true_energy_j(self, component: str, begin_ns: int, end_ns: int) -> float:
        """The exact energy of a component."""
        channels = CHANNELS[component]
        return sum(self.machine.true_energy_j(name, begin_ns, end_ns) for name in channels)


@contextmanager
def stage(scenario: Scenario) -> Iterator[Stage]:
    """Two packages, one memory zone, one GPU."""
    gpu = SimulatedGpu(square(120.0, 420.0, 0.37))
    with (
        tempfile.TemporaryDirectory(prefix="effmeter-peers-") as name,
        SimulatedMachine(Path(name) / "machine", two_packages(scenario.range_uj), [gpu]) as machine,
    ):
        folder = Path(name)
        _nest_as_the_kernel_does(machine.sysfs / "class" / "powercap")
        _never_late(machine.driver.pid)
        machine.driver.lateness_s()
        library = _compile_nvml(folder / "peers-lib")
        environ = {
            **machine.environ,
            "LD_LIBRARY_PATH": f"{library.parent}{os.pathsep}{machine.environ['LD_LIBRARY_PATH']}",
            "PATH": f"{_nvidia_smi(folder / 'bin')}{os.pathsep}{machine.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
        }
        yield Stage(machine, folder, environ, _namespace(machine.sysfs / "class"))


def why_not() -> str | None:
    """Why nothing can be compared on this machine; None where it can."""
    if sys.platform == "linux" and shutil.which("cc") is not None:
        return None
    return "the comparison needs Linux and a C compiler (cc), for the simulated NVML library"


def why_no_namespace() -> str | None:
    """Why programs cannot be started in namespaces of their own; None where they can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    command = [*_unshare(), "mount", "--bind", "/sys/class", "/sys/class"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return None
    return f"mounting over /sys in a namespace is refused: {tried.stderr.strip()}"


def _unshare() -> tuple[str, ...]:
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return ("unshare", *as_root, "--mount", "--net")


def _namespace(simulated: Path) -> tuple[str, ...]:
    """Where Linux has a powercap class only that is covered, else the folder of all classes."""
    if why_no_namespace() is not None:
        return ()
    places = [place for place in _PLACES if Path(place).exists()]
    mounts = [f'mount --bind "$0/powercap" {place}' for place in places]
    mounts = mounts or ['mount --bind "$0" /sys/class']
    return (*_unshare(), "sh", "-c", " && ".join([*mounts, 'exec "$@"']), str(simulated))


def _nest_as_the_kernel_does(powercap: Path) -> None:
    """A zone lies also in the zone, or the control type, that it is a part of."""
    for zone in powercap.glob("intel-rapl:*"):
        whole = zone.name.rpartition(":")[0]
        (powercap / whole / zone.name).symlink_to(zone)
    (powercap / "intel-rapl" / "subsystem").symlink_to(powercap)


def _never_late(driver_pid: int) -> None:
    """Sensors are not late when processors are busy; where this is refused, the notes tell."""
    with suppress(PermissionError):
        os.sched_setscheduler(driver_pid, os.SCHED_FIFO, os.sched_param(1))


def _nvidia_smi(folder: Path) -> Path:
    """codecarbon uses NVML only where this command exists; it asks it for nothing."""
    folder.mkdir()
    command = folder / "nvidia-smi"
    command.write_text("#!/bin/sh\nexit 0\n")
    command.chmod(0o755)
    return folder


def _compile_nvml(folder: Path) -> Path:
    folder.mkdir()
    library = folder / "libnvidia-ml.so.1"
    included = f"-I{Path(nvml.__file__).parent}"
    options = ["-O1", "-shared", "-fPIC", included, f"-Wl,-soname,{library.name}"]
    subprocess.run(["cc", *options, "-o", str(library), str(_SOURCE), "-lm"], check=True)
    return library
