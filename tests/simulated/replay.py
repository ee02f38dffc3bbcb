"""Plays a capture of a machine's sensors back, on a clock that a test moves by hand.

``effmeter doctor --capture`` writes captures; ``effmeter.probes.capture.machine`` describes them.
"""

import base64
import bisect
import contextlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from effmeter.channel import Kind
from effmeter.cover import Cover, choose_cover
from effmeter.energy.standstill import is_standstill
from effmeter.probes.base import Discovery
from effmeter.probes.capture.library import LIBRARIES
from effmeter.probes.search import discover
from effmeter.recorder.sampling.ingest import ChannelTracker, Sample
from tests.simulated.clock import ManualClock

_PROGRAM = """#!{python}
import json, pathlib, sys
now_ns = int(pathlib.Path({now!r}).read_text())
def asked(arguments):  # but for how many samples
    before = ["", *arguments]
    return [a for a, b in zip(arguments, before) if b != "-n"]
outputs = [o for o in json.loads(pathlib.Path({outputs!r}).read_text())
           if asked(o["command"]) == asked([{name!r}, *sys.argv[1:]])]
if not outputs:
    sys.exit(f"the capture has no output of {{sys.argv}}")
output = [outputs[0], *(o for o in outputs if o["ended_ns"] <= now_ns)][-1]
sys.stdout.write(output.get("printed", ""))
sys.stderr.write(output.get("complaints", output.get("error", "")))
sys.exit(output.get("status", 1))
"""


@dataclass(frozen=True, slots=True)
class Handle:
    """What a library gave a program to name a device by."""

    number: int


class ReplayedMachine:
    """The tree, the libraries and the programs of a capture, in a folder."""

    def __init__(self, capture: Mapping[str, Any], folder: Path) -> None:
        self._capture = capture
        clock = capture["clock"]
        self.clock = ManualClock(clock["time_ns"], clock["wall_ns"])
        self._begin_ns: int = clock["time_ns"]
        self.sysfs = folder / "sys"
        self.sysfs.mkdir(parents=True)
        self._programs = folder / "bin"
        self._programs.mkdir()
        self._now = folder / "now"
        self._build()
        self._install(folder / "outputs.json")
        self.advance(clock["found_ns"] * 1e-9)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a program on this machine."""
        environ = {**self._capture["variables"], "EFFMETER_SYSFS": str(self.sysfs)}
        for output in self._capture["programs"]:
            if "--samplers" in output["command"]:
                environ["EFFMETER_POWERMETRICS"] = str(self._programs / output["command"][0])
        return {**environ, "PATH": str(self._programs)}

    def advance(self, seconds: float) -> None:
        """Let time pass; files show what they showed then."""
        now_ns = self.clock.advance(seconds) - self._begin_ns
        self._now.write_text(str(now_ns))
        for path, shown in self._capture["shown"].items():
            text = _latest(shown, now_ns)
            with open(self.sysfs / path, "r+b") as file:
                file.write(text.encode().ljust(24) + b"\n")

    def discover(self) -> Discovery:
        """What effmeter finds; to be called within ``libraries()``."""
        return discover(environ=self.environ, clock=self.clock, pause=self.advance)

    @contextlib.contextmanager
    def libraries(self) -> Iterator[None]:
        """Put the captured libraries where the real ones would be."""
        modules: dict[str, Any] = sys.modules
        before = {name: modules.get(name) for name in LIBRARIES}
        captured = self._capture["libraries"]
        for name in LIBRARIES:
            calls = captured.get(name)
            modules[name] = None if calls is None else _Library(name, calls, self._elapsed_ns)
        try:
            yield
        finally:
            for name, module in before.items():
                if module is None:
                    del modules[name]
                else:
                    modules[name] = module

    def powers_w(self, found: Discovery, step_s: float = 0.05) -> dict[str, float]:
        """The mean power of each channel until the capture ends; none of counters that stand."""
        tracker = ChannelTracker(found.channels)
        seen: dict[str, list[Sample]] = {}
        while self._elapsed_ns() < self._capture["clock"]["ended_ns"]:
            for probe in found.probes:
                for item in tracker.process(probe.read()):
                    if isinstance(item, Sample):
                        seen.setdefault(item.channel, []).append(item)
            self.advance(step_s)
        kinds = {channel.name: channel.kind for channel in found.channels}
        standing = {gap.channel for gap in tracker.failing if is_standstill(gap.reason)}
        return {
            name: _mean_w(samples, kinds[name])
            for name, samples in seen.items()
            if name not in standing or samples[-1].energy_j != samples[0].energy_j
        }

    def _elapsed_ns(self) -> int:
        return self.clock.time_ns - self._begin_ns

    def _build(self) -> None:
        for folder in self._capture.get("folders", ()):
            (self.sysfs / folder).mkdir(parents=True, exist_ok=True)
        for path, content in self._capture.get("files", {}).items():
            (self.sysfs / path).parent.mkdir(parents=True, exist_ok=True)
            plain = isinstance(content, str)
            text = f"{content}\n".encode() if plain else base64.b64decode(content["base64"])
            (self.sysfs / path).write_bytes(text)
        for path, target in self._capture.get("links", {}).items():
            (self.sysfs / path).parent.mkdir(parents=True, exist_ok=True)
            (self.sysfs / path).symlink_to(target)
        for path in self._capture.get("closed", {}):
            (self.sysfs / path).parent.mkdir(parents=True, exist_ok=True)
            (self.sysfs / path).touch(mode=0)

    def _install(self, outputs: Path) -> None:
        outputs.write_text(json.dumps(self._capture["programs"]))
        for name in {output["command"][0] for output in self._capture["programs"]}:
            program = self._programs / name
            source = _PROGRAM.format(
                python=sys.executable, now=str(self._now), outputs=str(outputs), name=name
            )
            program.write_text(source)
            program.chmod(0o755)


def cover_of(found: Discovery, known: Mapping[str, float]) -> Cover:
    """The cover of a total over the channels that have a figure."""
    return choose_cover(found.channels, known, found.refusals)


def total_w(found: Discovery, powers_w: Mapping[str, float]) -> float:
    """The power of the total."""
    summed = cover_of(found, powers_w).channels
    return sum(powers_w[channel.name] for channel in summed)


class _Library(ModuleType):
    """Answers calls as the captured library did; constants and errors are the real one's."""

    def __init__(
        self,
        name: str,
        calls: list[dict[str, Any]],
        elapsed_ns: Callable[[], int],
        prefix: str = "",
    ) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self._elapsed_ns = elapsed_ns
        self._calls = calls
        self._prefix = prefix
        self._answers = {
            (call["call"], json.dumps(call["arguments"])): call["answers"] for call in calls
        }
        self._names = {call["call"] for call in calls}
        self._errors: dict[str, type[Exception]] = {}
        self._real: Any = None
        with contextlib.suppress(ImportError):
            self._real = importlib.import_module(name)

    def __getattr__(self, name: str) -> Any:
        full = f"{self._prefix}{name}"
        if full in self._names:
            return lambda *arguments: self._answer(full, arguments)
        if any(call.startswith(f"{full}.") or call == f"{full}()" for call in self._names):
            return lambda *_: _Library(self.__name__, self._calls, self._elapsed_ns, f"{full}.")
        if name.startswith("nvml"):
            return self._not_captured
        if name.endswith(("Exception", "Error")) and self._real is None:
            return self._error(name)
        if self._real is None:
            raise AttributeError(name)
        return getattr(self._real, name)

    def _not_captured(self, *_: Any) -> Any:
        raise self._real.NVMLError(self._real.NVML_ERROR_FUNCTION_NOT_FOUND)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        key = (name, json.dumps([_encoded(argument) for argument in arguments]))
        if key not in self._answers:
            raise AssertionError(f"the capture has no answer to {name}{arguments}")
        answer = _latest(self._answers[key], self._elapsed_ns())
        if "error" not in answer:
            return self._decoded(answer["value"])
        if "code" in answer:
            raise self._real.NVMLError(answer["code"])
        raise self._error(answer["error"])(answer["text"])

    def _error(self, name: str) -> type[Exception]:
        """An error of a library that is not installed; all of AMD's have one base."""
        if name not in self._errors:
            is_base = name in ("AmdSmiException", "RuntimeError")
            base = Exception if is_base else self._error("AmdSmiException")
            self._errors[name] = RuntimeError if name == "RuntimeError" else type(name, (base,), {})
        return self._errors[name]

    def _decoded(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._decoded(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "handle" in value:
            return Handle(value["handle"])
        if "union" in value:
            return getattr(self._real, value["type"]).from_buffer_copy(
                bytes.fromhex(value["union"])
            )
        if "dict" in value:
            return {key: self._decoded(item) for key, item in value["dict"].items()}
        fields = {key: self._decoded(item) for key, item in value["object"].items()}
        return SimpleNamespace(**fields)


def _encoded(argument: Any) -> Any:
    if isinstance(argument, Handle):
        return {"handle": argument.number}
    if isinstance(argument, list | tuple):
        return [_encoded(item) for item in argument]
    return argument


def _latest(answers: Any, now_ns: int) -> Any:
    """The last answer by now; the first where there was none yet.

    A count that is seldom read goes on evenly from one answer to the next.
    """
    place = bisect.bisect_right([answer[0] for answer in answers], now_ns)
    before_ns, before = answers[max(0, place - 1)]
    if not 0 < place < len(answers):
        return before
    after_ns, after = answers[place]
    if not (_is_count(before) and _is_count(after) and before["value"] < after["value"]):
        return before
    share = (now_ns - before_ns) / (after_ns - before_ns)
    return {"value": before["value"] + int(share * (after["value"] - before["value"]))}


def _is_count(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("value"), int)


def _mean_w(samples: list[Sample], kind: Kind) -> float:
    if kind is Kind.GAUGE:
        return sum(sample.power_w or 0.0 for sample in samples) / len(samples)
    # A counter that is seldom read is old at the first reading and at the last, and new only
    # where it has changed.
    changed = [after for before, after in pairwise(samples) if after.energy_j != before.energy_j]
    first, last = (changed[0], changed[-1]) if len(changed) > 1 else (samples[0], samples[-1])
    assert first.energy_j is not None
    assert last.energy_j is not None
    passed_s = (last.time_ns - first.time_ns) * 1e-9
    return (last.energy_j - first.energy_j) / passed_s if passed_s else 0.0


def load(path: Path) -> dict[str, Any]:
    """The capture in a file."""
    captured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return captured
