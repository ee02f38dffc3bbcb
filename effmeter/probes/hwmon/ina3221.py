"""The supply rails of NVIDIA's Jetson boards, measured by INA3221 monitors.

Linux' driver ``ina3221`` shows the voltage (``inN_input``, mV) and the current
(``currN_input``, mA) of up to three rails, and their names (``inN_label``). NVIDIA's older driver
``ina3221x`` shows ``rail_name_N`` and ``in_powerN_input`` (mW). The GPU of a Jetson is on no PCI
bus, and NVML shows no power of it: its rail is its only sensor.

==================================== ========= ==============================================
label                                component scope
==================================== ========= ==============================================
VDD_IN, POM_5V_IN, VIN               board     the module; contains the other rails
VDD_CPU_GPU_CV, VDD_GPU_SOC,         soc       what the label names
VDD_CPU_SOC_MSS, VDD_SOC, SOC, CV …
VDD_GPU, VDD_SYS_GPU, POM_5V_GPU     gpu       the GPU
VDD_CPU, VDD_CPU_CV, POM_5V_CPU …    cpu       the cores; with CV the vision accelerators too
VDDRQ, VDD_SYS_DDR, VDDQ_…           ram       the memory
others                               board     stands apart
==================================== ========= ==============================================

All are gauges in watts, measured; ``jetson-`` and the label make the name of the channel. A rail
is converted for 1.1 ms in every 6.6 ms, by default, and read 20 times a second.

Sources: the kernel's ``Documentation/hwmon/ina3221.rst``; Texas Instruments, INA3221 data sheet
(SBOS576); NVIDIA, Jetson Linux Developer Guide, "Software-Based Power Consumption Modeling".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.probes.meter_files import FileMeter, Meter, VoltageTimesCurrent
from effmeter.probes.sysfs import read_number, read_text

DRIVER = "ina3221"
PERIOD_S = 0.05
CONVERSION_S = 1.1e-3
"""By default; a rail has one of its voltage and one of its current in each cycle."""
REFRESH_S = 2 * 3 * CONVERSION_S
"""A cycle over the three rails."""
GAIN_ERROR_FRACTION = 0.03
"""The monitor's 0.5 %, a shunt's 1 %, and what they change with temperature."""
NOISE_FRACTION = 0.01
_SHUNT_OFFSET_V = 80e-6
_SHUNT_STEP_V = 40e-6
_USUAL_SHUNT_OHM = 0.005
_USUAL_VOLTAGE_V = 5.0
_LEAST_MODULE_W = 0.5
_RAILS = range(1, 4)
"""Further numbers are the voltages of the shunts, and sums."""
_MODULE = re.compile(r"VDD_IN|POM_5V_IN|VIN")
_MEMORY = re.compile(r"VDDR?Q.*|(VDD_)?(SYS_)?DDR")
_INPUTS = frozenset({"VDD", "SYS", "POM", "5V"})
_PROCESSOR_PARTS = frozenset({"CPU", "GPU", "CV", "SOC", "MSS"})


@dataclass(frozen=True, slots=True)
class _Rail:
    """A rail and its files: voltage and current, or power alone."""

    label: str
    chip: Path
    number: int
    files: tuple[Path, ...]

    @property
    def parts(self) -> frozenset[str]:
        """The parts of the chip that its label names: ``CPU``, ``GPU``, ``CV``, ``SOC``."""
        words = frozenset(self.label.upper().split("_")) - _INPUTS
        return words if words <= _PROCESSOR_PARTS else frozenset()

    @property
    def is_module(self) -> bool:
        """Whether it feeds the whole module."""
        return _MODULE.fullmatch(self.label.upper()) is not None

    @property
    def component(self) -> Component:
        """What it measures, by its label."""
        parts = self.parts
        if parts == {"GPU"}:
            return Component.GPU
        if "CPU" in parts and parts <= {"CPU", "CV"}:
            return Component.CPU
        if parts:
            return Component.SOC
        is_memory = not self.is_module and _MEMORY.fullmatch(self.label.upper())
        return Component.RAM if is_memory else Component.BOARD

    @property
    def name(self) -> str:
        """The name of its channel."""
        label = re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")
        return f"jetson-{label}" if label else f"jetson-{self.chip.name}-{self.number}"


def jetson_meters(sysfs: Path) -> list[Meter]:
    """A meter for each rail, no name twice; not yet read."""
    rails: dict[str, _Rail] = {}
    for rail in (*_hwmon_rails(sysfs), *_older_rails(sysfs)):
        rails.setdefault(rail.name, rail)
    module = next((rail.name for rail in rails.values() if rail.is_module), None)
    return [_meter(rail, module) for rail in rails.values()]


def covered_parts(channels: Iterable[Channel]) -> frozenset[Component]:
    """The processors that the rails of a Jetson take in, whatever others fail to read of them."""
    words = {word for c in channels if c.name.startswith("jetson-") for word in c.name.split("-")}
    parts = {"gpu": Component.GPU, "cpu": Component.CPU}
    return frozenset(component for word, component in parts.items() if word in words)


def refusal_of(channel: Channel, cause: str, has_soc: bool) -> Refusal:
    """A rail that cannot be read. Beside rails of the whole chip it is a part of the chip."""
    component = channel.component
    if has_soc and component in (Component.CPU, Component.GPU):
        component = Component.SOC
    reason = f"it cannot be read: {cause}"
    return Refusal(channel.source, component, reason, leaves_unread=channel.name)


def _hwmon_rails(sysfs: Path) -> Iterator[_Rail]:
    for chip in sorted((sysfs / "class" / "hwmon").glob("*")):
        if read_text(chip / "name") != DRIVER:
            continue
        for number in _RAILS:
            files = (chip / f"in{number}_input", chip / f"curr{number}_input")
            is_off = read_number(chip / f"in{number}_enable") == 0
            label = read_text(chip / f"in{number}_label") or ""
            # Device trees name an input that is not connected "NC".
            if all(path.exists() for path in files) and not is_off and label != "NC":
                yield _Rail(label, chip, number, files)


def _older_rails(sysfs: Path) -> Iterator[_Rail]:
    for chip in sorted((sysfs / "bus/i2c/drivers/ina3221x").glob("*/iio[:_-]device*")):
        for number in range(len(_RAILS)):
            power = chip / f"in_power{number}_input"
            label = read_text(chip / f"rail_name_{number}") or ""
            if power.exists() and label != "NC":
                yield _Rail(label, chip, number, (power,))


def _meter(rail: _Rail, module: str | None) -> Meter:
    channel = _channel(rail, module)
    if len(rail.files) == 1:
        return FileMeter(channel, rail.files[0], 1e-3)
    return VoltageTimesCurrent(channel, *rail.files)


def _channel(rail: _Rail, module: str | None) -> Channel:
    ohm = (read_number(rail.chip / f"shunt{rail.number}_resistor") or 0) * 1e-6
    volts = (read_number(rail.files[0]) or 0) * 1e-3 if len(rail.files) > 1 else 0.0
    watts_per_volt = (volts or _USUAL_VOLTAGE_V) / (ohm if ohm > 0 else _USUAL_SHUNT_OHM)
    refresh_s = max(REFRESH_S, (read_number(rail.chip / "update_interval") or 0) * 1e-3)
    is_contained = module is not None and not rail.is_module
    return Channel(
        name=rail.name,
        component=rail.component,
        kind=Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=str(rail.files[-1]),
        refresh_s=refresh_s,
        device=f"Jetson {rail.label}".strip(),
        scope=_scope(rail),
        contained_in=module if is_contained else None,
        resolution=_SHUNT_STEP_V * watts_per_volt,
        window_s=refresh_s * CONVERSION_S / REFRESH_S,
        gain_error_fraction=GAIN_ERROR_FRACTION,
        offset_error_w=_SHUNT_OFFSET_V * watts_per_volt,
        noise_fraction=NOISE_FRACTION,
        least_power_w=_LEAST_MODULE_W if rail.is_module else 0.0,
    )


def _scope(rail: _Rail) -> str:
    if rail.is_module:
        return "the module with its memory; contains the other rails"
    return f"what the rail {rail.label!r} feeds" if rail.label else "a rail without a label"
