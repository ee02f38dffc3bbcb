"""Advances a simulated RAPL tree in real time, from a process of its own.

The process (``python -m tests.simulated.powercap_driver SPEC``) rewrites every counter at each
refresh of the run clock. It obeys commands on its standard input, answers each with one line, and
ends with its input, so it never outlives the test.

A busy machine can delay it; a real sensor is never late. ``PowercapDriver.lateness_s`` tells by
how much it was, so that a test can allow for that instead of failing by chance.
"""

import json
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from effmeter.clock import now_ns
from tests.simulated.powercap import SimulatedPowercap, SimulatedZone
from tests.simulated.waveforms import parse

_REPOSITORY = Path(__file__).parents[2]


class PowercapDriver:
    """The driver's process, seen from the test."""

    def __init__(
        self, sysfs: Path, zones: Sequence[SimulatedZone], origin_ns: int, refresh_s: float = 0.001
    ) -> None:
        spec = {
            "sysfs": str(sysfs),
            "origin_ns": origin_ns,
            "refresh_s": refresh_s,
            "zones": list(map(_described, zones)),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulated.powercap_driver", json.dumps(spec)],
            cwd=_REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    @property
    def pid(self) -> int:
        """The driver's process."""
        return self._process.pid

    def fail(self, channel: str) -> None:
        """The channel's zone can no longer be read."""
        self._ask("fail", channel)

    def restore(self, channel: str) -> None:
        """It can be read again."""
        self._ask("restore", channel)

    def add(self, zone: SimulatedZone) -> None:
        """A zone appears."""
        self._ask("add", _described(zone))

    def lateness_s(self) -> float:
        """The longest that a counter's refresh was overdue since this was last asked."""
        return float(self._ask("lateness", None))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, command: str, argument: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, argument]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the powercap driver ended; its traceback is on stderr")
        return json.loads(line)


class _Driver:
    """The process itself."""

    def __init__(self, tree: SimulatedPowercap) -> None:
        self._tree = tree
        self._shown_tick = 0
        self._worst_ns = 0

    def run(self) -> None:
        """Advance the tree and obey, until the input ends."""
        self._advance()
        self._worst_ns = 0
        _say("ready")
        while True:
            self._advance()
            due_ns = self._tree.origin_ns + (self._shown_tick + 1) * self._tree.refresh_ns
            wait_s = max(0, due_ns - now_ns()) * 1e-9
            if select.select([sys.stdin], [], [], wait_s)[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                _say(self._obey(*json.loads(line)))

    def _advance(self) -> None:
        refresh_ns, origin_ns = self._tree.refresh_ns, self._tree.origin_ns
        tick = max(0, now_ns() - origin_ns) // refresh_ns
        if tick <= self._shown_tick:
            return
        self._tree.advance_to(origin_ns + tick * refresh_ns)
        overdue_ns = now_ns() - (origin_ns + (self._shown_tick + 1) * refresh_ns)
        self._worst_ns = max(self._worst_ns, overdue_ns)
        self._shown_tick = tick

    def _obey(self, command: str, argument: Any) -> object:
        if command == "lateness":
            worst_s, self._worst_ns = self._worst_ns * 1e-9, 0
            return worst_s
        if command == "add":
            self._tree.add(_zone(argument))
        elif command == "fail":
            self._tree.fail(argument)
        else:
            self._tree.restore(argument)
        return "done"


def _described(zone: SimulatedZone) -> dict[str, Any]:
    described = {name: getattr(zone, name) for name in zone.__dataclass_fields__}
    return {**described, "waveform": zone.waveform.to_text()}


def _zone(described: dict[str, Any]) -> SimulatedZone:
    return SimulatedZone(**{**described, "waveform": parse(described["waveform"])})


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def _main() -> None:
    spec = json.loads(sys.argv[1])
    zones = [_zone(described) for described in spec["zones"]]
    _Driver(
        SimulatedPowercap(Path(spec["sysfs"]), zones, spec["origin_ns"], spec["refresh_s"])
    ).run()


if __name__ == "__main__":
    _main()
