"""Macs by macOS' own ``powermetrics``, a program that only root may run.

It prints a sample every 0.2 s; their energies are summed into counters. On Apple silicon the
figures come from Apple's model of the chip's energy, which ``man powermetrics`` calls estimated:
they serve to compare runs on one machine. On an Intel Mac the figure is the package's, by the
processor's own counter. Memory is not in them. Between samples there is nothing new to read.

====== ========= ======= ==== ======= ========================== ==========
name   component kind    unit refresh scope                      provenance
====== ========= ======= ==== ======= ========================== ==========
cpu0   cpu       counter mJ   0.4 s   all processor clusters     derived
gpu0   gpu       counter mJ   0.4 s   the chip's GPU             derived
ane0   soc       counter mJ   0.4 s   the chip's neural engine   derived
cpu0   cpu       counter mJ   0.4 s   an Intel Mac's package     measured
====== ========= ======= ==== ======= ========================== ==========

Source: Apple, ``man powermetrics``.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.errors import ProbeError
from effmeter.probes.base import Discovery, Failure, Reading

if TYPE_CHECKING:
    from effmeter.probes.apple.powermetrics_process import PowermetricsProcess, Timing

PROGRAM = "/usr/bin/powermetrics"
PROGRAM_VARIABLE = "EFFMETER_POWERMETRICS"
"""Names another program to run in its place, such as a wrapper that sudo lets through."""
FIRST_SAMPLE_TIMEOUT_S = 5.0
_RAILS = {
    "cpu": ("cpu0", Component.CPU, "all processor clusters, without memory"),
    "gpu": ("gpu0", Component.GPU, "the GPU of the chip"),
    "ane": ("ane0", Component.SOC, "the neural engine of the chip alone"),
    "package": ("cpu0", Component.CPU, "the package: cores and the graphics in it"),
}
_INTEL = "package"
SAMPLERS = ("cpu_power,gpu_power,ane_power", "cpu_power")
"""Of Apple silicon; of an Intel Mac, whose powermetrics refuses to start with the others."""
GAIN_ERROR_FRACTION = 0.1
"""Apple states none of its model; assumed."""
INTEL_GAIN_ERROR_FRACTION = 0.03
"""As of RAPL's packages elsewhere."""
NOISE_FRACTION = 0.01
_LEAST_CPU_W = 0.001
_MODEL = "by Apple's model of the chip's energy"


class PowermetricsProbe:
    """Reads what ``program`` prints; ProbeError if it prints no sample that shows energy."""

    name = "powermetrics"

    def __init__(
        self,
        program: str = PROGRAM,
        clock: Clock | None = None,
        timing: "Timing | None" = None,
        timeout_s: float = FIRST_SAMPLE_TIMEOUT_S,
    ) -> None:
        from effmeter.probes.apple.powermetrics_process import Timing

        clock = clock or SystemClock()
        timing = timing or Timing()
        self.period_s = timing.interval_s
        self._now_ns = clock.now_ns
        self._process, self._rails = _started(program, clock, timing, timeout_s)
        self.channels: tuple[Channel, ...] = tuple(
            _channel(rail, program, timing.interval_s) for rail in self._rails
        )

    def read(self) -> list[Reading]:
        """The samples since the last read, each dated at its end; it never waits."""
        readings = [
            Reading(_RAILS[rail][0], time_ns, time_ns, counts_mj[rail])
            for time_ns, counts_mj in self._process.take()
            for rail in self._rails
        ]
        failure = self._process.failure
        if failure is not None:
            now_ns = self._now_ns()
            readings.extend(Reading(c.name, now_ns, now_ns, failure) for c in self.channels)
        return readings

    def close(self) -> None:
        """End the program."""
        self._process.close()


def _started(
    program: str, clock: Clock, timing: "Timing", timeout_s: float
) -> tuple["PowermetricsProcess", list[str]]:
    """The process that shows energy, and its rails; the first ProbeError if none does."""
    from effmeter.probes.apple.powermetrics_process import PowermetricsProcess

    errors = []
    for samplers in SAMPLERS:
        process = PowermetricsProcess(
            command_of(program, timing.interval_s, samplers), clock, timing
        )
        try:
            return process, _rails_shown(process, timeout_s)
        except ProbeError as error:
            has_ended = process.failure is not None
            process.close()
            errors.append(error)
            if not has_ended:  # a silent process would be silent with fewer samplers too
                break
    raise errors[0]


def _rails_shown(process: "PowermetricsProcess", timeout_s: float) -> list[str]:
    """The rails that the first sample shows; ProbeError if there are none."""
    if not process.wait_until_heard(timeout_s):
        raise ProbeError(f"it printed no sample for {timeout_s:g} s")
    if process.failure is not None:
        raise ProbeError(process.failure.reason)
    _, counts_mj = process.take()[0]
    failures = [count for count in counts_mj.values() if isinstance(count, Failure)]
    if len(failures) == len(counts_mj):
        raise ProbeError(failures[0].reason)
    shown = [rail for rail in _RAILS if not isinstance(counts_mj[rail], Failure)]
    return [_INTEL] if _INTEL in shown else shown


def find(environ: Mapping[str, str], clock: Clock) -> Discovery:
    """The chip's rails on macOS as root, or by the program that ``EFFMETER_POWERMETRICS`` names."""
    stated = environ.get(PROGRAM_VARIABLE)
    if not stated and sys.platform != "darwin":
        return Discovery()
    if not stated and os.geteuid() != 0:
        return refused("only root may run it", permission_remedy())
    try:
        probe = PowermetricsProbe(stated or PROGRAM, clock)
    except ProbeError as error:
        return refused(str(error), "sudo powermetrics -n 1 --samplers cpu_power  # its own account")
    shown = {channel.component for channel in probe.channels}
    if Component.GPU not in shown:
        return Discovery((probe,), (_graphics_card(),))
    return Discovery((probe,), () if Component.SOC in shown else (_neural_engine(),))


def _graphics_card() -> Refusal:
    """A card beside an Intel processor, whose own graphics are part of its package."""
    reason = "powermetrics shows the processor's package alone, and no graphics card beside it"
    remedy = "system_profiler SPDisplaysDataType  # lists the graphics cards, if there are any"
    return Refusal("powermetrics", Component.GPU, reason, remedy)


def _neural_engine() -> Refusal:
    """The neural engine of Apple silicon, whose energy some versions do not show."""
    reason = "powermetrics shows no energy of the neural engine that can be right"
    return Refusal("powermetrics", Component.SOC, reason, "softwareupdate --list  # of macOS")


def refused(reason: str, remedy: str) -> Discovery:
    """A refusal for each component that every Apple chip has."""
    components = (Component.CPU, Component.GPU)
    return Discovery((), tuple(Refusal("powermetrics", c, reason, remedy) for c in components))


def permission_remedy() -> str:
    """What gives an ordinary user the figures, one command per line, in the order to try them."""
    beside_python = Path(sys.executable).with_name("effmeter")
    program = str(beside_python) if beside_python.exists() else "effmeter"
    return "\n".join(
        (
            f"sudo {program} daemon run --group $(id -gn)",
            "python3 -m pip install 'effmeter[apple]'  # reads IOReport, and needs no root",
        )
    )


def command_of(program: str, interval_s: float, samplers: str, samples: int = 0) -> Sequence[str]:
    """Sampling (0: without end), each line handed on at once (``-b 1``)."""
    rhythm = ("-i", str(round(interval_s * 1e3)), "-n", str(samples), "-b", "1")
    return (program, "-f", "plist", *rhythm, "--samplers", samplers)


def _channel(rail: str, program: str, interval_s: float) -> Channel:
    name, component, scope = _RAILS[rail]
    is_intel = rail == _INTEL
    return Channel(
        name=name,
        component=component,
        kind=Kind.COUNTER,
        provenance=Provenance.MEASURED if is_intel else Provenance.DERIVED,
        source=program,
        # A sample is dated when it has arrived, which can be late by a part of an interval.
        refresh_s=2 * interval_s,
        scope=scope if is_intel else f"{scope}; {_MODEL}",
        unit_j=1e-3,
        resolution=1e-3,
        gain_error_fraction=INTEL_GAIN_ERROR_FRACTION if is_intel else GAIN_ERROR_FRACTION,
        noise_fraction=NOISE_FRACTION,
        least_power_w=_LEAST_CPU_W if component is Component.CPU else 0.0,
    )
