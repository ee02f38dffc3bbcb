"""The supply rails of a Jetson: what the INA3221 of a board shows, by label."""

from collections.abc import Mapping
from pathlib import Path

Rails = Mapping[str, tuple[int, int]]
"""Voltage (mV) and current (mA) by label."""
ORIN_NANO: Rails = {
    "VDD_IN": (5000, 1200),
    "VDD_CPU_GPU_CV": (5000, 400),
    "VDD_SOC": (5000, 300),
}
AGX_ORIN: Rails = {
    "VDD_GPU_SOC": (20_000, 500),
    "VDD_CPU_CV": (20_000, 250),
    "VIN_SYS_5V0": (5000, 900),
    "VDDQ_VDD2_1V8AO": (5000, 200),
}
NANO: Rails = {
    "POM_5V_IN": (5000, 1000),
    "POM_5V_GPU": (5000, 400),
    "POM_5V_CPU": (5000, 200),
}


def place_jetson(sysfs: Path, rails: Rails) -> Path:
    """The device tree and one chip for each three rails; the folder of the first chip."""
    _place_device_tree(sysfs)
    first = sysfs / "class" / "hwmon" / "hwmon1"
    for place, (label, (voltage_mv, current_ma)) in enumerate(rails.items()):
        chip = first.with_name(f"hwmon{1 + place // 3}")
        chip.mkdir(parents=True, exist_ok=True)
        (chip / "name").write_text("ina3221\n")
        number = 1 + place % 3
        (chip / f"in{number}_label").write_text(f"{label}\n")
        (chip / f"in{number}_input").write_text(f"{voltage_mv}\n")
        (chip / f"curr{number}_input").write_text(f"{current_ma}\n")
    return first


def place_older_jetson(sysfs: Path, rails: Rails) -> Path:
    """The same as NVIDIA's older driver shows it."""
    _place_device_tree(sysfs)
    chip = sysfs / "bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    chip.mkdir(parents=True)
    for number, (label, (voltage_mv, current_ma)) in enumerate(rails.items()):
        (chip / f"rail_name_{number}").write_text(f"{label}\n")
        (chip / f"in_power{number}_input").write_text(f"{voltage_mv * current_ma // 1000}\n")
    return chip


def _place_device_tree(sysfs: Path) -> None:
    tree = sysfs / "firmware" / "devicetree" / "base"
    tree.mkdir(parents=True)
    (tree / "compatible").write_text("nvidia,p3768-0000+p3767-0000\0nvidia,tegra234\0")
