"""What ``rocm-smi`` and ``amd-smi`` print of a machine, in the formats of several versions."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.simulated.amd.gpu import COUNTER_UNIT_J, Machine, SimulatedAmdGpu, load

_STATED_UNIT_J = 15.3e-6
"""The tools round the counter's unit."""
_LOW_POWER = (
    "\nWARNING: AMD GPU device(s) is/are in a low-power state. "
    "Check power control/runtime_status\n\n"
)
Printer = Callable[[Machine, list[str]], str]


def rocm_smi_5(machine: Machine, options: list[str]) -> str:
    """ROCm 5 and 6.0: one name for the power of every generation."""
    return _rocm_smi(machine, options, lambda gpu: "Average Graphics Package Power (W)")


def rocm_smi_6(machine: Machine, options: list[str]) -> str:
    """ROCm 6.1 and newer: the name tells whether it is an average; a warning may stand first."""
    return _LOW_POWER + _rocm_smi(machine, options, _power_name)


def amd_smi_6_0(machine: Machine, options: list[str]) -> str:
    """ROCm 6.0: plain numbers, in a list."""

    def energy(gpu: SimulatedAmdGpu) -> Any:
        total_j = _total_j(gpu, machine.t_s)
        return "N/A" if total_j is None else {"total_energy_consumption": total_j}

    return _amd_smi(machine, options, energy, lambda value, unit: value, "current_power")


def amd_smi_6_3(machine: Machine, options: list[str]) -> str:
    """ROCm 6.1 to 6.4: every figure with its unit."""

    def energy(gpu: SimulatedAmdGpu) -> Any:
        total_j = _total_j(gpu, machine.t_s)
        shown = "N/A" if total_j is None else _with_unit(total_j, "J")
        return {"total_energy_consumption": shown}

    return _amd_smi(machine, options, energy, _with_unit, "socket_power")


def amd_smi_7(machine: Machine, options: list[str]) -> str:
    """ROCm 7: the same within an object."""
    return json.dumps({"gpu_data": json.loads(amd_smi_6_3(machine, options))}, indent=4)


PRINTERS: dict[str, Printer] = {
    "rocm-smi 5": rocm_smi_5,
    "rocm-smi 6": rocm_smi_6,
    "amd-smi 6.0": amd_smi_6_0,
    "amd-smi 6.3": amd_smi_6_3,
    "amd-smi 7": amd_smi_7,
}


def main(printer: str, machine: Path, trouble: Path) -> None:
    """Be the command: print, unless the file of troubles says otherwise."""
    told = trouble.read_text() if trouble.exists() else ""
    if told == "hangs":
        time.sleep(60)
    if told == "refuses":
        sys.exit("Unable to open /dev/kfd read-write: Permission denied")
    output = PRINTERS[printer](load(machine), sys.argv[1:])
    if told == "prints half":
        output = output[: len(output) // 2]
    sys.stdout.write("no such thing\n" if told == "prints garbage" else output)
    sys.exit(2 if told == "fails in part" else 0)


def _rocm_smi(
    machine: Machine, options: list[str], power_name: Callable[[SimulatedAmdGpu], str]
) -> str:
    cards = {}
    for index, gpu in enumerate(machine.gpus):
        card: dict[str, str] = {}
        if "--showmaxpower" in options and gpu.limit_w is not None:
            card["Max Graphics Package Power (W)"] = f"{gpu.limit_w}.0"
        if "--showproductname" in options:
            card |= {"Card Series": gpu.model, "Card Model": "0x740c"}
        if "--showbus" in options:
            card["PCI Bus"] = gpu.address.upper()
        power, count = gpu.power_w(machine.t_s), gpu.count(machine.t_s)
        card[power_name(gpu)] = power if isinstance(power, str) else f"{power}.0"
        card["Energy counter"] = str(count)
        if isinstance(count, int):
            card["Accumulated Energy (uJ)"] = str(round(count * _STATED_UNIT_J * 1e6, 2))
        cards[f"card{index}"] = card
    return json.dumps(cards)


def _amd_smi(
    machine: Machine,
    options: list[str],
    energy: Callable[[SimulatedAmdGpu], Any],
    figure: Callable[[Any, str], Any],
    power_key: str,
) -> str:
    listed: list[dict[str, Any]] = []
    for index, gpu in enumerate(machine.gpus):
        if options[0] == "static":
            limits = {"max_power": figure(gpu.limit_w, "W")} if gpu.limit_w else "N/A"
            named = {"asic": {"market_name": gpu.model}, "bus": {"bdf": gpu.address.upper()}}
            listed.append({"gpu": index, **named, "limit": limits})
            continue
        power = gpu.power_w(machine.t_s)
        shown = power if isinstance(power, str) else figure(power, "W")
        voltage = figure(780, "mV")
        powers = {power_key: shown, "gfx_voltage": voltage, "power_management": "ENABLED"}
        listed.append({"gpu": index, "power": powers, "energy": energy(gpu)})
    return json.dumps(listed, indent=4)


def _power_name(gpu: SimulatedAmdGpu) -> str:
    kind = "Average" if gpu.averages else "Current Socket"
    return f"{kind} Graphics Package Power (W)"


def _total_j(gpu: SimulatedAmdGpu, t_s: float) -> float | None:
    count = gpu.count(t_s)
    return round(count * _STATED_UNIT_J, 3) if isinstance(count, int) else None


def _with_unit(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


TRUE_SHARE = COUNTER_UNIT_J / _STATED_UNIT_J
"""What of the joules that ``amd-smi`` prints was really used."""
