"""AMD GPUs, read through AMD's own library by the package ``amdsmi``.

==================  =========  =======  =====  ========  ============================  ==========
channel             component  kind     unit   refresh   scope                         provenance
==================  =========  =======  =====  ========  ============================  ==========
``amd-gpuN``        gpu (1)    counter  2^-16  0.1 s     the GPU's package (2)         measured
                                        J (3)
``amd-gpuN-power``  gpu (1)    gauge    W      0.1 s     the same; within the counter  measured
==================  =========  =======  =====  ========  ============================  ==========

(1) soc for the MI300A, whose figure takes in its processor cores. (2) Both dies of an MI250 or
MI250X: the second die shows nothing. All partitions of an MI300. (3) Where the library states
another resolution, that one; its rounded 15.3 uJ stands for 2^-16 J.

The gauge averages over about a second on Navi, MI200 and older (``average_socket_power``), and
shows the moment on MI300 and newer (``current_socket_power``). A counter that stands still is shown
as it is: the recording tells it from a GPU at rest, and the gauge then carries the GPU.

Source: AMD SMI documentation, ``amdsmi_get_energy_count`` and ``amdsmi_get_power_info``.
"""

import contextlib
import importlib
import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from effmeter.channel import Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.amd.answers import (
    Answer,
    cap_w,
    count_in,
    one_line,
    power_in,
    power_key,
    stated_ns,
    unit_j,
)
from effmeter.probes.amd.boards import ListedGpu, judge
from effmeter.probes.amd.conditions import conditions_of
from effmeter.probes.amd.gpu import NOT_SHOWN, AmdGpu, AmdSensors, Seen
from effmeter.probes.amd.pci import AmdBus
from effmeter.probes.amd.refusals import refused
from effmeter.probes.base import Conditions, Failure, Reading
from effmeter.probes.pci import is_suspended


@dataclass(slots=True)
class _Device:
    """A GPU that is read, and when its counter last was."""

    handle: Any
    sensors: AmdSensors
    folder: Path
    """Its folder in sysfs."""
    last_ns: int = 0


class AmdLibraryProbe:
    """Reads every GPU that the library lists; its ``AmdSmiException`` where it does not start.

    ``library`` is the module ``amdsmi``.
    ``judgement`` says which of the listed GPUs are read.
    """

    name = "amdsmi"
    period_s = 0.01

    def __init__(
        self,
        library: Any,
        sysfs: Path,
        clock: Clock | None = None,
    ) -> None:
        self._library = library
        self._now_ns = (clock or SystemClock()).now_ns
        self._devices: list[_Device] = []
        library.amdsmi_init()
        self._started = True
        try:
            handles = library.amdsmi_get_processor_handles()
        except library.AmdSmiException:
            self.close()
            raise
        bus = AmdBus(sysfs)
        listed = [self._listed(index, handle, bus) for index, handle in enumerate(handles)]
        self.judgement = judge(listed)
        for gpu, handle in zip(listed, handles, strict=True):
            if gpu in self.judgement.read:
                sensors = AmdSensors(self._describe(gpu, handle), gpu.seen)
                folder = sysfs / "bus" / "pci" / "devices" / gpu.address
                self._devices.append(_Device(handle, sensors, folder))
        self.channels = tuple(c for device in self._devices for c in device.sensors.channels)

    def read(self) -> list[Reading]:
        """One reading of every channel, back to back; an error of one GPU stays its own."""
        return [reading for device in self._devices for reading in self._read(device)]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The GPUs that give no figure of their own."""
        return tuple(refusal for _, refusal in self.judgement.refusals)

    def conditions(self) -> dict[str, Conditions]:
        """Clocks, temperature, limit and throttling of each GPU that is awake."""
        return {
            device.sensors.channels[0].name: conditions_of(partial(self._ask_about, device.handle))
            for device in self._devices
            if not is_suspended(device.folder)
        }

    def _ask_about(self, handle: Any, call: str) -> Answer:
        return self._ask(call, handle)

    def close(self) -> None:
        """Let go of the driver."""
        if self._started:
            self._started = False
            with contextlib.suppress(self._library.AmdSmiException):
                self._library.amdsmi_shut_down()

    def _read(self, device: _Device) -> list[Reading]:
        """Count and power, each stamped around its call unless the library dates it itself."""
        begun_ns = self._now_ns()
        energy = self._ask("amdsmi_get_energy_count", device.handle)
        counted_ns = self._now_ns()
        power = self._ask("amdsmi_get_power_info", device.handle)
        gauged_ns = self._now_ns()
        taken_ns = stated_ns(energy, device.last_ns, begun_ns, counted_ns)
        between_ns = (begun_ns, counted_ns) if taken_ns is None else (taken_ns, taken_ns)
        device.last_ns = between_ns[1]
        seen = Seen(count_in(energy), power_in(power))
        return device.sensors.readings(seen, between_ns, (counted_ns, gauged_ns))

    def _listed(self, index: int, handle: Any, bus: AmdBus) -> ListedGpu:
        bdf = self._ask("amdsmi_get_gpu_device_bdf", handle)
        address = bdf.lower() if isinstance(bdf, str) else ""
        return ListedGpu(
            source=f"amdsmi, GPU {index}",
            channel=f"amd-gpu{index}",
            address=address,
            chip=bus.chip(address, self._model(handle)),
            seen=self._look(handle),
            is_integrated=bus.is_integrated(address),
        )

    def _describe(self, listed: ListedGpu, handle: Any) -> AmdGpu:
        power = self._ask("amdsmi_get_power_info", handle)
        key = power_key(power)
        return AmdGpu(
            name=listed.channel,
            device=f"{listed.chip.model} {listed.address}".strip(),
            counter_source="amdsmi_get_energy_count",
            gauge_source=f"amdsmi_get_power_info, {key}",
            averaged=key == "average_socket_power",
            cap_w=cap_w(self._ask("amdsmi_get_power_cap_info", handle), power),
            chip=listed.chip,
            unit_j=unit_j(self._ask("amdsmi_get_energy_count", handle)),
        )

    def _model(self, handle: Any) -> str:
        asic = self._ask("amdsmi_get_gpu_asic_info", handle)
        name = asic.get("market_name") if isinstance(asic, dict) else None
        return name if isinstance(name, str) and name != "N/A" else "AMD GPU"

    def _look(self, handle: Any) -> Seen:
        energy = self._ask("amdsmi_get_energy_count", handle)
        return Seen(count_in(energy), power_in(self._ask("amdsmi_get_power_info", handle)))

    def _ask(self, call: str, handle: Any) -> Answer:
        """What the library answers to one call about one GPU."""
        function = getattr(self._library, call, None)
        if function is None:
            return Failure(f"{call}: this version of amdsmi has no such call")
        try:
            answer = function(handle)
        except self._library.AmdSmiException as error:
            return Failure(f"{call}: {one_line(error)}")
        return answer if isinstance(answer, dict | str) else Failure(f"{call}: {NOT_SHOWN}")


def load() -> Any:
    """The module ``amdsmi``; ImportError with the reason where it cannot be loaded.

    It prints to standard output, and fails in odd ways, where AMD's library is not installed.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            return importlib.import_module("amdsmi")
    except ImportError:
        raise
    except Exception as error:
        lines = printed.getvalue().strip().splitlines()
        raise ImportError(lines[0] if lines else f"{type(error).__name__}: {error}") from error


def find(
    library: Any, sysfs: Path, clock: Clock
) -> tuple[AmdLibraryProbe | None, tuple[Refusal, ...]]:
    """The probe of the GPUs that the library lists; why there is none."""
    try:
        probe = AmdLibraryProbe(library, sysfs, clock)
    except library.AmdSmiException as error:
        return None, (refused("amdsmi", one_line(error)),)
    if probe.channels:
        return probe, ()
    probe.close()
    if probe.judgement.refusals:
        return probe, ()
    return None, (refused("amdsmi", "it lists no GPU"),)
