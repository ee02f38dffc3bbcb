"""Captures what all sensors of this machine answer for a few seconds.

A capture is one JSON object:

=============  =====================================================================
``format``     ``effmeter-capture 1``
``about``      what the machine is, in words; empty until somebody writes it
``right``      empty until somebody writes it: ``counts``, the channels that a total sums with
               their mean power (W), and ``missing``, what a total lacks
``machine``    system, architecture, processor, versions
``clock``      the run clock and the wall clock (ns) at the beginning, when the sensors had
               been found, and when the reading of them ended
``variables``  environment variables that restrict devices or point to sensors
``files``      texts of sysfs by path, all links resolved; also ``folders``
``links``      links of sysfs and where they point; they may lead nowhere
``closed``     files and folders of sysfs that cannot be read, and why
``shown``      what files with counts and powers showed: ``[[ns, text], ...]`` by path
``libraries``  calls of vendors' libraries: arguments, and ``[[ns, answer], ...]``
``programs``   vendors' commands: what they printed, when
``effmeter``   what this effmeter made of it: channels, refusals, readings
=============  =====================================================================

Times are nanoseconds since the beginning; only changes are listed.
"""

import json
import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata as packages
from pathlib import Path
from typing import Any

from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import ConditionedDevices, Discovery, Failure, Probe
from effmeter.probes.capture.anonymous import without_names
from effmeter.probes.capture.library import tapped_libraries
from effmeter.probes.capture.programs import ProgramCapture
from effmeter.probes.capture.sysfs_tree import copy_tree, read_changing
from effmeter.probes.devices import VARIABLES
from effmeter.probes.search import discover
from effmeter.probes.sysfs import sysfs_of

FORMAT = "effmeter-capture 1"
_POINTING = ("EFFMETER_SYSFS", "EFFMETER_POWERMETRICS", "EFFMETER_PYRAPL")
_PACKAGES = ("effmeter", "nvidia-ml-py", "amdsmi", "zeus-apple-silicon", "pyRAPL", "psutil")
_CLOSE_ROUNDS, _CLOSE_PERIOD_S = 60, 0.001
_PERIOD_S = 0.05
_SLOW_PROBES = ("rocm-smi", "amd-smi", "powermetrics")
"""They call programs, whose outputs are captured by themselves."""

Progress = Callable[[str], None]


def capture_machine(
    environ: Mapping[str, str],
    duration_s: float,
    clock: Clock | None = None,
    pause: Callable[[float], None] = time.sleep,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """The capture of this machine, without names; ``progress`` is given what is done now."""
    clock = clock or SystemClock()
    sysfs = sysfs_of(environ)
    begin = clock.anchor()
    progress("the files of sysfs")
    tree = copy_tree(sysfs)
    progress("the sensors")
    with tapped_libraries(clock.now_ns, begin.time_ns) as logs:
        found = discover(environ=environ, clock=clock, pause=pause)
        found_ns = clock.now_ns() - begin.time_ns
        programs = ProgramCapture(environ, clock.now_ns, begin.time_ns)
        shown = _Shown(sysfs, tree.changing, begin.time_ns)
        readings = _read(found, shown, duration_s, clock, pause)
        ended_ns = clock.now_ns() - begin.time_ns
        outputs = programs.end()
    for probe in found.probes:
        probe.close()
    capture = {
        "format": FORMAT,
        "about": "",
        "right": {},
        "machine": _machine(),
        "clock": {
            "time_ns": begin.time_ns,
            "wall_ns": begin.wall_ns,
            "found_ns": found_ns,
            "ended_ns": ended_ns,
        },
        "variables": {n: environ[n] for n in (*VARIABLES, *_POINTING) if n in environ},
        **tree.as_mapping(),
        "shown": shown.texts,
        "libraries": {name: log.as_list() for name, log in logs.items()},
        "programs": outputs,
        "effmeter": _as_seen(found, readings),
    }
    return without_names(capture)


class _Shown:
    """What files with counts and powers show, as far as it changes."""

    def __init__(self, sysfs: Path, paths: list[str], begin_ns: int) -> None:
        self.texts: dict[str, list[tuple[int, str]]] = {}
        self.counts = [path for path in paths if path.endswith("energy_uj")]
        self.begin_ns = begin_ns
        self._sysfs = sysfs
        self._paths = paths

    def look(self, now_ns: int, *, closely: bool = False) -> None:
        """Read them once; ``closely``: only the counters that change each millisecond."""
        for path, text in read_changing(self._sysfs, self.counts if closely else self._paths):
            seen = self.texts.setdefault(path, [])
            if not seen or seen[-1][1] != text:
                seen.append((now_ns - self.begin_ns, text))


def _read(
    found: Discovery,
    shown: _Shown,
    duration_s: float,
    clock: Clock,
    pause: Callable[[float], None],
) -> dict[str, list[tuple[int, Any]]]:
    """Read files and probes until the time is over; each probe no more often than is useful.

    At first the files alone, each millisecond: this shows which of them show one counter.
    """
    for _ in range(_CLOSE_ROUNDS if shown.counts else 0):
        shown.look(clock.now_ns(), closely=True)
        pause(_CLOSE_PERIOD_S)
    _look_at_conditions(found)
    begin_ns = clock.now_ns()
    probes = [probe for probe in found.probes if probe.name not in _SLOW_PROBES]
    due_ns = dict.fromkeys((probe.name for probe in probes), begin_ns)
    readings: dict[str, list[tuple[int, Any]]] = {}
    while (now_ns := clock.now_ns()) - begin_ns < duration_s * 1e9:
        shown.look(now_ns)
        for probe in probes:
            if now_ns >= due_ns[probe.name]:
                due_ns[probe.name] = now_ns + int(max(probe.period_s, _PERIOD_S) * 1e9)
                _keep(probe, readings, shown.begin_ns)
        pause(_PERIOD_S)
    _look_at_conditions(found)
    return readings


def _look_at_conditions(found: Discovery) -> None:
    """Read clocks, temperatures and limits once, so that the libraries' answers are kept."""
    for source in (*found.conditions, *found.probes):
        if isinstance(source, ConditionedDevices):
            source.conditions()


def _keep(probe: Probe, readings: dict[str, list[tuple[int, Any]]], origin_ns: int) -> None:
    for name, from_ns, to_ns, value in probe.read():
        seen = readings.setdefault(name, [])
        shown = value.reason if isinstance(value, Failure) else value
        if not seen or seen[-1][1] != shown:
            seen.append(((from_ns + to_ns) // 2 - origin_ns, shown))


def _machine() -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = packages.version(name)
        except packages.PackageNotFoundError:
            continue
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "versions": versions,
    }


def _as_seen(found: Discovery, readings: Mapping[str, list[tuple[int, Any]]]) -> dict[str, Any]:
    return {
        "channels": [json.loads(channel.to_json()) for channel in found.channels],
        "refusals": [f"{r.component} from {r.source}: {r.reason}" for r in found.refusals],
        "readings": readings,
    }


def text_of(capture: Mapping[str, Any]) -> str:
    """The capture as JSON for people to read: a line for each file, call and reading list."""
    parts = [f"  {json.dumps(name)}: {_lines(value)}" for name, value in capture.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        items = (f"    {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
        return "{\n" + ",\n".join(items) + "\n  }"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    return json.dumps(value)
