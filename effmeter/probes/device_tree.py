"""The device tree of a machine whose devices are on no bus that could list them."""

from pathlib import Path

from effmeter.probes.sysfs import read_text


def jetson_model(sysfs: Path) -> str:
    """The Jetson's name in the device tree (``nvidia,p3768-0000+p3767-0000``); else empty."""
    compatible = read_text(sysfs / "firmware" / "devicetree" / "base" / "compatible") or ""
    names = compatible.strip("\0").split("\0")
    return names[0] if any(name.startswith("nvidia,tegra") for name in names) else ""
