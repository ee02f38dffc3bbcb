"""A hwmon tree in a folder, whose meters show what waveforms draw."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulated.waveforms import Waveform


@dataclass(frozen=True, slots=True)
class SimulatedRail:
    """One meter: ``power1_average``, ``power1_input`` or ``energy1_input`` of a device."""

    file: str
    waveform: Waveform
    label: str = ""
    label_file: str = "oem_info"
    window_s: float | None = None
    """What an average is taken over, and its ``average_interval`` says; None: no such file."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Other files of the same quantity, such as ``accuracy``."""

    def shown(self, t_s: float) -> int:
        """What the file shows so many seconds into the waveform (uW, uJ)."""
        if self.file.startswith("energy"):
            return int(self.waveform.energy_j(0.0, t_s) * 1e6)
        window_s = self.window_s if self.file.endswith("_average") else None
        if not window_s:
            return int(self.waveform.power_w(t_s) * 1e6)
        return int(self.waveform.energy_j(t_s - window_s, t_s) / window_s * 1e6)


class SimulatedHwmon:
    """Devices by name, each with its rails; ``in_device`` puts the files where old drivers do.

    ``addresses`` are those of the PCI devices that the first of them belong to.
    """

    def __init__(
        self,
        sysfs: Path,
        devices: Sequence[tuple[str, Sequence[SimulatedRail]]],
        refresh_s: float = 0.05,
        in_device: bool = False,
        addresses: Sequence[str] = (),
    ) -> None:
        self._refresh_ns = round(refresh_s * 1e9)
        self._rails: dict[Path, SimulatedRail] = {}
        for number, (name, rails) in enumerate(devices):
            folder = sysfs / "class" / "hwmon" / f"hwmon{number}"
            files = folder / "device" if in_device else folder
            files.mkdir(parents=True)
            (folder / "name").write_text(f"{name}\n")
            if number < len(addresses):
                bus = sysfs / "bus" / "pci" / "devices" / addresses[number]
                (folder / "device").symlink_to(bus)
            for rail in rails:
                self._build(files, rail)
        self.advance_to(0)

    def path(self, label: str) -> Path:
        """The file of the meter with a label."""
        return next(path for path, rail in self._rails.items() if rail.label == label)

    def advance_to(self, t_ns: int) -> None:
        """Show what the meters show at a moment; they look once in each refresh."""
        looked_s = t_ns // self._refresh_ns * self._refresh_ns * 1e-9
        for path, rail in self._rails.items():
            path.write_text(f"{rail.shown(looked_s)}\n")

    def _build(self, folder: Path, rail: SimulatedRail) -> None:
        quantity = rail.file.partition("_")[0]
        if rail.label:
            (folder / f"{quantity}_{rail.label_file}").write_text(f"{rail.label}\n")
        if rail.window_s is not None:
            interval = folder / f"{quantity}_average_interval"
            interval.write_text(f"{round(rail.window_s * 1e3)}\n")
        for name, text in rail.attributes.items():
            (folder / f"{quantity}_{name}").write_text(f"{text}\n")
        self._rails[folder / rail.file] = rail


def grace_devices(
    socket: int, module: Waveform, whole: Waveform, cpu: Waveform, sysio: Waveform
) -> list[tuple[str, list[SimulatedRail]]]:
    """The four ACPI power meters of a Grace socket, a device each."""
    meters = (("Module", module), ("Grace", whole), ("CPU", cpu), ("SysIO", sysio))
    return [
        (
            "power_meter",
            [
                SimulatedRail(
                    "power1_average",
                    waveform,
                    f"{name} Power Socket {socket}",
                    window_s=0.05,
                    attributes={"accuracy": "100.0%"},
                )
            ],
        )
        for name, waveform in meters
    ]
