"""A compiled ``libnvidia-ml.so.1`` that the real pynvml loads.

The library's sources lie beside this module; it follows a configuration file that it reads
again at each call, so a test can lose a GPU, bring it back or move the clock by hand.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.simulated.waveforms import Waveform

INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NO_PERMISSION = 4
DRIVER_NOT_LOADED = 9
GPU_IS_LOST = 15
UNKNOWN_ERROR = 999
_SOURCE = Path(__file__).with_name("libnvidia_ml.c")
_FOREVER_NS = 2**62


@dataclass(frozen=True, slots=True)
class Fault:
    """An NVML error code, answered within a stretch of the run clock."""

    code: int
    from_ns: int = 0
    until_ns: int = _FOREVER_NS

    def to_text(self) -> str:
        """``CODE FROM UNTIL``."""
        return f"{self.code} {self.from_ns} {self.until_ns}"


@dataclass(frozen=True, slots=True)
class SimulatedField:
    """A field value: its number and scope, its type, and what it averages over.

    Field 83 shows the energy counter, every other one a share of the power.
    """

    id: int
    scope: int = 0
    value_type: int = 1
    window_s: float = 0.025
    share: float = 1.0
    fault: Fault | None = None

    def to_text(self) -> str:
        """``ID SCOPE TYPE WINDOW SHARE CODE FROM UNTIL``."""
        fault = self.fault or Fault(0)
        numbers = (self.id, self.scope, self.value_type, self.window_s, self.share)
        return " ".join([*map(str, numbers), fault.to_text()])


@dataclass(frozen=True, slots=True)
class SimulatedSamples:
    """The driver's buffer of power values: how many it keeps, and when and of what each is.

    The newest is in the buffer ``late_s`` after it was taken.
    """

    count: int = 119
    period_s: float = 0.02
    window_s: float = 0.025
    lag_s: float = 0.015
    late_s: float = 0.0
    fault: Fault | None = None

    def to_text(self) -> str:
        """``COUNT PERIOD WINDOW LAG LATE CODE FROM UNTIL``."""
        numbers = (self.count, self.period_s, self.window_s, self.lag_s, self.late_s)
        return " ".join([*map(str, numbers), (self.fault or Fault(0)).to_text()])


@dataclass(frozen=True, slots=True)
class SimulatedConditions:
    """The clocks, temperature, limit and reasons for throttling that a GPU shows."""

    clock_mhz: int = 1980
    memory_clock_mhz: int = 2619
    temperature_c: int = 55
    limit_w: float = 700.0
    reasons: int = 0
    older_driver: bool = False
    """Whether only the call of drivers before 535 shows the reasons."""

    def to_text(self) -> str:
        """``CLOCK MEMORY TEMPERATURE LIMIT REASONS OLDER``."""
        numbers = (self.clock_mhz, self.memory_clock_mhz, self.temperature_c)
        flags = (round(self.limit_w * 1e3), self.reasons, int(self.older_driver))
        return " ".join(map(str, (*numbers, *flags)))


@dataclass(frozen=True, slots=True)
class WallSetting:
    """What the wall clock shows less the run clock, from a moment of the run clock on."""

    from_ns: int
    offset_ns: int


INSTANT = SimulatedField(186)
AVERAGE = SimulatedField(185, window_s=1.0)
MEMORY = SimulatedField(185, scope=2, window_s=1.0, share=0.2)
MODULE = SimulatedField(186, scope=1, share=1.6)


@dataclass(frozen=True, slots=True)
class SimulatedGpu:
    """One GPU; by default a Hopper with an energy counter and a driver without field values."""

    waveform: Waveform
    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = ""
    """By default that of its place."""
    bus_id: str = ""
    """Empty: the driver does not state it."""
    conditions: SimulatedConditions | None = None
    architecture: int = 9
    capability: tuple[int, int] = (9, 0)
    limit_w: float | None = 700.0
    start_mj: int = 4_200_000
    """What its counter showed at the origin."""
    counted_share: float = 1.0
    """How much of its energy the counter shows; 0: it stands still."""
    counts_until_s: float = 1e9
    """When the counter stops, in seconds of the waveform."""
    window_s: float = 0.01
    """How long its power gauge averages over."""
    lost: Fault | None = None
    """What every call answers instead."""
    energy_fault: Fault | None = None
    power_fault: Fault | None = None
    fields: Sequence[SimulatedField] = ()
    samples: SimulatedSamples | None = None
    fields_fault: Fault | None = None
    """What a call for any field values answers."""
    mig_instances: Sequence[str] | None = None
    """The UUIDs of its MIG instances; empty: MIG is off; None: it knows no MIG."""
    computing: Sequence[int] = ()
    """Processes that compute on it."""
    drawing: Sequence[int] = ()
    """Processes that draw on it."""
    processes_fault: Fault | None = None
    process_bytes: Mapping[int, int] = field(default_factory=dict)
    """What these processes use of its memory; below zero: the driver does not tell."""
    used_bytes: int = 0
    """What everything together uses of it."""
    use_percent: Mapping[int, int] | None = None
    """How much of the time each of these processes keeps it busy; None: the driver does not tell.
    """
    use_late_s: float = 0.0
    """How old the samples of that are."""
    use_fault: Fault | None = None
    """What a call for them answers."""

    def to_text(self, index: int) -> str:
        """Its part of the configuration."""
        lines = {
            "name": self.name,
            "uuid": self.uuid or uuid(index),
            "architecture": self.architecture,
            "capability": "{} {}".format(*self.capability),
            "limit_mw": round((self.limit_w or 0.0) * 1e3),
            "start_mj": self.start_mj,
            "window_s": self.window_s,
            "counted": f"{self.counted_share} {self.counts_until_s}",
            "used_bytes": self.used_bytes,
            "waveform": self.waveform.to_text(),
        }
        lines |= {"bus_id": self.bus_id} if self.bus_id else {}
        lines |= {"conditions": self.conditions.to_text()} if self.conditions else {}
        faults = {
            "lost": self.lost,
            "energy_fault": self.energy_fault,
            "power_fault": self.power_fault,
            "fields_fault": self.fields_fault,
            "processes_fault": self.processes_fault,
            "use_fault": self.use_fault,
        }
        lines.update({key: fault.to_text() for key, fault in faults.items() if fault is not None})
        if self.samples is not None:
            lines["samples"] = self.samples.to_text()
        repeated = [*lines.items(), *self._repeated()]
        return "gpu \n" + "".join(f"{key} {text}\n" for key, text in repeated)

    def _repeated(self) -> Iterator[tuple[str, str]]:
        """What a GPU may have several of."""
        yield from (("field", field.to_text()) for field in self.fields)
        for draws, pids in enumerate((self.computing, self.drawing)):
            yield from (("process", f"{p} {draws} {self.process_bytes.get(p, 1)}") for p in pids)
        if self.use_percent is not None:
            yield "shows_use", "1"
            uses = self.use_percent.items()
            yield from (("use", f"{pid} {percent} {self.use_late_s}") for pid, percent in uses)
        if self.mig_instances is not None:
            yield "mig", str(int(bool(self.mig_instances)))
            yield from (("instance", text) for text in self.mig_instances)


def uuid(index: int) -> str:
    """The UUID of a simulated GPU."""
    return f"GPU-00000000-0000-4000-8000-{index:012d}"


def compile_fake_nvml(folder: Path, *options: str) -> Path:
    """The compiled library; skips the test where the machine has no C compiler."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libnvidia-ml.so.1"
    shared = ("-shared", "-fPIC", f"-Wl,-soname,{library.name}")
    _compile(_SOURCE, library, *shared, *options, libraries=("-lm",))
    return library


def compile_stress(library: Path, *options: str) -> Path:
    """A program that calls a compiled library from several threads; see ``stress.c``."""
    program = library.with_name("stress")
    linked = (str(library), f"-Wl,-rpath,{library.parent}")
    _compile(_SOURCE.with_name("stress.c"), program, *options, libraries=(*linked, "-lpthread"))
    return program


def _compile(source: Path, made: Path, *options: str, libraries: Sequence[str]) -> None:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the simulated NVML library needs Linux and a C compiler (cc)")
    command = [compiler, "-O1", "-Wall", "-Werror", *options, "-o", str(made), str(source)]
    subprocess.run([*command, *libraries], check=True, capture_output=True)


def hide_nvml(folder: Path) -> Path:
    """A library that cannot be loaded, in place of the machine's own: no compiler is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libnvidia-ml.so.1"
    library.write_bytes(b"")
    return library


def configure_fake_nvml(
    path: Path,
    gpus: Sequence[SimulatedGpu],
    *,
    origin_ns: int = 0,
    refresh_s: float = 0.02,
    now_ns: int | None = None,
    init_code: int = 0,
    wall: Sequence[WallSetting] = (),
) -> None:
    """Write the configuration, in one step for a program that is reading it.

    ``now_ns``: the library's clock stands there; None: it follows the run clock. ``wall``: how the
    wall clock was set, in order; empty: it is the machine's own.
    """
    head = f"init {init_code}\norigin_ns {origin_ns}\nrefresh_ns {round(refresh_s * 1e9)}\n"
    head += "" if now_ns is None else f"now_ns {now_ns}\n"
    head += "".join(f"wall {setting.from_ns} {setting.offset_ns}\n" for setting in wall)
    apart = path.with_suffix(".new")
    apart.write_text(head + "".join(gpu.to_text(index) for index, gpu in enumerate(gpus)))
    apart.replace(path)


def fake_nvml_environ(library: Path, configuration: Path) -> dict[str, str]:
    """What a program's environment needs so that it loads the library."""
    folders = [str(library.parent), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {
        "LD_LIBRARY_PATH": os.pathsep.join(folders),
        "EFFMETER_FAKE_NVML": str(configuration),
    }
