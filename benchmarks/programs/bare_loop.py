"""The least that a sampler in Python can be: one thread that sleeps to absolute deadlines.

It reads the same sensors by the same calls and throws the values away. Without sensors it is
the bare timer.
"""

import ctypes
import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_TIMERSLACK = 29
GPU_PERIOD_NS = 20_000_000
"""As often as the probe reads NVML; its counter tells nothing new sooner."""


class BareLoop:
    """Ticks until it is stopped; counts the deadlines it missed."""

    def __init__(self, period_ns: int, zone_files: Sequence[str], gpus: int) -> None:
        self._period_ns = period_ns
        self._zones = [os.open(path, os.O_RDONLY) for path in zone_files]
        self._gpu_calls = _gpu_calls(gpus)
        self._stopping = False
        self.ticks = self.missed = 0

    def stop(self, *_: object) -> None:
        """End after this tick."""
        self._stopping = True

    def run(self) -> None:
        """Sleep to the next deadline, read what is due; a late tick skips what it missed."""
        due_ns = gpu_due_ns = time.monotonic_ns()
        while not self._stopping:
            now_ns = time.monotonic_ns()
            if due_ns > now_ns:
                time.sleep((due_ns - now_ns) * 1e-9)
            for zone in self._zones:
                int(os.pread(zone, 32, 0))
            if due_ns >= gpu_due_ns:
                gpu_due_ns = due_ns + GPU_PERIOD_NS
                for call in self._gpu_calls:
                    call()
            self.ticks += 1
            late = max(0, (time.monotonic_ns() - due_ns) // self._period_ns)
            self.missed += late
            due_ns += (late + 1) * self._period_ns


def _gpu_calls(gpus: int) -> list[Callable[[], int]]:
    if not gpus:
        return []
    import pynvml

    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(gpus)]
    reads = (pynvml.nvmlDeviceGetTotalEnergyConsumption, pynvml.nvmlDeviceGetPowerUsage)
    return [functools.partial(read, handle) for handle in handles for read in reads]


def main() -> None:
    """``{"rate_hz", "zone_files", "gpus"}``; prints ``{"pid"}``, and what it counted at SIGTERM."""
    settings = json.loads(sys.argv[1])
    period_ns = int(1e9 / settings["rate_hz"])
    loop = BareLoop(period_ns, settings["zone_files"], settings["gpus"])
    signal.signal(signal.SIGTERM, loop.stop)
    if Path("/proc/self/status").exists():
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    loop.run()
    print(json.dumps({"ticks": loop.ticks, "missed": loop.missed}), flush=True)


if __name__ == "__main__":
    main()
