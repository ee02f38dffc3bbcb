"""A ``powermetrics`` that prints what waveforms use, in real time, and fails as it is told.

Its life is a list of acts; the process that is started after its end lives the next one of
``lives``, and the last of them is lived again and again::

    SimulatedPowermetrics(tmp_path, {"cpu": constant(9.0)}, lives=[["samples 3", "half"], FOREVER])

Acts: ``samples`` without end or ``samples N``; ``half`` of a sample; ``garbage`` framed as one;
``foreign``, a sample without energies; ``silence``; ``exit N`` with a complaint.
"""

import datetime as dt
import json
import os
import plistlib
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.clock import now_ns
from tests.simulated.waveforms import Waveform, parse

FOREVER = ["samples"]
_REPOSITORY = Path(__file__).parents[2]


class SimulatedPowermetrics:
    """The program in ``folder``, and the truth that it prints."""

    def __init__(
        self,
        folder: Path,
        rails: Mapping[str, Waveform],
        lives: Sequence[Sequence[str]] = (FOREVER,),
        origin_ns: int | None = None,
    ) -> None:
        self.rails = dict(rails)
        self.origin_ns = now_ns() if origin_ns is None else origin_ns
        self.program = folder / "powermetrics"
        self._starts = folder / "starts"
        spec = {
            "starts": str(self._starts),
            "rails": {rail: waveform.to_text() for rail, waveform in self.rails.items()},
            "lives": [list(life) for life in lives],
            "origin_ns": self.origin_ns,
        }
        (folder / "powermetrics.json").write_text(json.dumps(spec))
        words = [sys.executable, "-m", "tests.simulated.powermetrics"]
        command = shlex.join([*words, str(folder / "powermetrics.json")])
        self.program.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(_REPOSITORY))} exec {command} "$@"\n'
        )
        self.program.chmod(0o755)

    @property
    def environ(self) -> dict[str, str]:
        """What a program's environment needs so that it runs this one."""
        return {"EFFMETER_POWERMETRICS": str(self.program)}

    @property
    def pids(self) -> list[int]:
        """The processes that have been started, in order."""
        return list(map(int, self._starts.read_text().split())) if self._starts.exists() else []

    def true_energy_j(self, rail: str, begin_ns: int, end_ns: int) -> float:
        """The exact energy of a rail between two moments of the run clock."""
        begin_s, end_s = ((t - self.origin_ns) * 1e-9 for t in (begin_ns, end_ns))
        return self.rails[rail].energy_j(begin_s, end_s)


def sample_text(energy_mj: Mapping[str, float], elapsed_ns: int) -> bytes:
    """One sample as it is printed: the energies, and much beside them."""
    if "package" in energy_mj:
        return _intel_sample(energy_mj["package"], elapsed_ns)
    powers = {f"{rail}_power": mj / elapsed_ns * 1e9 for rail, mj in energy_mj.items()}
    processor: dict[str, Any] = {
        "clusters": [{"name": "E-Cluster", "freq_hz": 1.1e9, "cpus": [{"cpu": 0}]}],
        **{f"{rail}_energy": round(mj) for rail, mj in energy_mj.items()},
        **powers,
        "combined_power": sum(powers.values()),
    }
    told = {
        "is_delta": True,
        "elapsed_ns": elapsed_ns,
        "hw_model": "Mac13,2",
        "timestamp": dt.datetime(2024, 5, 1),
        "processor": processor if energy_mj else {"packages": []},
        "gpu": {"freq_hz": 444.0, "idle_ratio": 0.9},
    }
    return plistlib.dumps(told, sort_keys=False)


def _intel_sample(package_mj: float, elapsed_ns: int) -> bytes:
    """One sample of an Intel Mac: the package alone, in joules."""
    told = {
        "is_delta": True,
        "elapsed_ns": elapsed_ns,
        "hw_model": "MacBookPro16,1",
        "processor": {
            "package_joules": package_mj * 1e-3,
            "package_watts": package_mj / elapsed_ns * 1e6,
            "packages": [{"package": 0, "c_state_ratio": 0.1}],
        },
    }
    return plistlib.dumps(told, sort_keys=False)


class _Program:
    """The process itself."""

    def __init__(self, spec: Mapping[str, Any], interval_s: float) -> None:
        self._rails = {rail: parse(text) for rail, text in spec["rails"].items()}
        self._origin_ns = spec["origin_ns"]
        self._interval_ns = round(interval_s * 1e9)
        self._until_ns = now_ns()

    def act(self, act: str) -> None:
        """Do one act of a life."""
        name, _, count = act.partition(" ")
        if name == "samples":
            for _ in range(int(count)) if count else iter(int, 1):
                _say(self._next_sample() + b"\0")
        elif name == "half":
            whole = self._next_sample()
            _say(whole[: len(whole) // 2])
        elif name == "garbage":
            _say(b"no sample at all</plist>\0")
        elif name == "foreign":
            _say(sample_text({}, self._interval_ns) + b"\0")
        elif name == "silence":
            signal.pause()
        else:
            print("powermetrics: unable to go on", file=sys.stderr)
            sys.exit(int(count))

    def _next_sample(self) -> bytes:
        begin_ns, self._until_ns = self._until_ns, self._until_ns + self._interval_ns
        time.sleep(max(0, self._until_ns - now_ns()) * 1e-9)
        self._until_ns = now_ns()
        energies = dict(self._energies_mj(begin_ns, self._until_ns))
        return sample_text(energies, self._until_ns - begin_ns)

    def _energies_mj(self, begin_ns: int, end_ns: int) -> Iterator[tuple[str, int]]:
        """Whole millijoules that add up without drifting from the truth."""
        begin_s, end_s = ((t - self._origin_ns) * 1e-9 for t in (begin_ns, end_ns))
        for rail, waveform in self._rails.items():
            passed_mj = [int(waveform.energy_j(0.0, t_s) * 1e3) for t_s in (begin_s, end_s)]
            yield rail, passed_mj[1] - passed_mj[0]


def _say(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _main(spec_file: str, *options: str) -> None:
    spec = json.loads(Path(spec_file).read_text())
    with open(spec["starts"], "a+") as starts:
        starts.seek(0)
        life = min(len(starts.readlines()), len(spec["lives"]) - 1)
        starts.write(f"{os.getpid()}\n")
    assert options[options.index("-f") + 1] == "plist"
    assert options[options.index("-n") + 1] == "0"
    if "package" in spec["rails"] and "ane_power" in options[options.index("--samplers") + 1]:
        sys.exit("powermetrics: unrecognized sampler: ane_power")
    program = _Program(spec, float(options[options.index("-i") + 1]) * 1e-3)
    for act in spec["lives"][life]:
        program.act(act)


if __name__ == "__main__":
    _main(*sys.argv[1:])
