"""AMD GPUs by the driver's own power files, for those that none of AMD's tools reads.

=========================  =========  =====  ====  =======  ============================  ========
channel                    component  kind   unit  refresh  scope                         proven.
=========================  =========  =====  ====  =======  ============================  ========
``amd-gpu-ADDRESS-power``  gpu (1)    gauge  W     0.1 s    the GPU's package             measured
=========================  =========  =====  ====  =======  ============================  ========

(1) As with the library. The driver ``amdgpu`` shows microwatts in ``power1_average`` (Navi, MI200
and older) or ``power1_input`` (MI300 and newer). There is no energy counter. A sleeping card
(runtime suspend) is not read, because that would wake it: 1 W stands for the 0 to 2 W that it
draws.

Source: the kernel's ``Documentation/gpu/amdgpu/thermal.rst``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from effmeter.channel import Channel
from effmeter.clock import Clock
from effmeter.probes.amd.boards import Judgement, ListedGpu, judge
from effmeter.probes.amd.chips import Chip
from effmeter.probes.amd.gpu import AmdGpu, Seen, gauge_channel
from effmeter.probes.amd.pci import AmdPciGpu
from effmeter.probes.base import Failure
from effmeter.probes.meter_files import MOST_W, FileMeter, MeterProbe, read_meter
from effmeter.probes.pci import address_of, is_suspended
from effmeter.probes.sysfs import read_number, read_text

ASLEEP_W = 1.0
"""What stands for the 0 to 2 W of a sleeping card; the gauge's offset error is wider."""
ASLEEP_SCOPE = "a sleeping card is not read: 1 W stands for the 0 to 2 W that it draws"
PERIOD_S = 0.05
_DRIVER = "amdgpu"
_FILES = ("power1_average", "power1_input")
_NO_COUNTER = Failure("the driver shows no energy counter")
_NO_FILE = Failure("its driver shows no power (power1_average, power1_input)")


@dataclass(frozen=True, slots=True)
class _Card:
    """A GPU with its power file, if there is one."""

    gpu: AmdPciGpu
    meter: FileMeter | None
    power_w: float | Failure
    chip: Chip

    @property
    def listed(self) -> ListedGpu:
        """The same as a tool would list it."""
        return ListedGpu(
            source=f"amdgpu, PCI {self.gpu.address}",
            channel=_name(self.gpu),
            address=self.gpu.address,
            chip=self.chip,
            seen=Seen(_NO_COUNTER, self.power_w),
            is_integrated=self.gpu.is_integrated,
        )


def find(
    sysfs: Path, gpus: Sequence[AmdPciGpu], clock: Clock
) -> tuple[MeterProbe | None, Judgement]:
    """The probe of those among ``gpus`` that show power, and the verdict on each."""
    files = _files_by_address(sysfs)
    cards = {gpu.address: _card(gpu, files.get(gpu.address)) for gpu in gpus}
    judgement = judge([card.listed for card in cards.values()])
    read = {gpu.address for gpu in judgement.read}
    meters = []
    for address, card in cards.items():
        if card.meter is not None and address in read:
            meters.append(card.meter)
        elif card.meter is not None:
            card.meter.close()
    if not meters:
        return None, judgement
    folders = {_gauge_name(card.gpu): card.gpu.device.folder for card in cards.values()}
    probe = MeterProbe("amdgpu", meters, PERIOD_S, clock, lambda c: _asleep_w(folders[c.name]))
    return probe, judgement


def _card(gpu: AmdPciGpu, file: Path | None) -> _Card:
    chip = Chip("", gpu.device.device)
    if file is None:
        return _Card(gpu, None, _NO_FILE, chip)
    meter = FileMeter(_channel(gpu, file, chip), file)
    resting_w = _asleep_w(gpu.device.folder)
    return _Card(gpu, meter, read_meter(meter) if resting_w is None else resting_w, chip)


def _channel(gpu: AmdPciGpu, file: Path, chip: Chip) -> Channel:
    cap_uw = read_number(file.parent / "power1_cap_max") or 0
    described = AmdGpu(
        name=_name(gpu),
        device=f"AMD GPU {gpu.address}",
        counter_source="",
        gauge_source=str(file),
        averaged=file.name == _FILES[0],
        cap_w=cap_uw * 1e-6 if 0 < cap_uw < MOST_W * 1e6 else None,
        chip=chip,
    )
    gauge = gauge_channel(described, None)
    scope = "; ".join(filter(None, (gauge.scope, ASLEEP_SCOPE)))
    return replace(gauge, resolution=1e-6, scope=scope)


def _name(gpu: AmdPciGpu) -> str:
    return f"amd-gpu-{gpu.address}"


def _gauge_name(gpu: AmdPciGpu) -> str:
    return f"{_name(gpu)}-power"


def _asleep_w(folder: Path) -> float | None:
    """The power of a sleeping card; None: it is awake."""
    return ASLEEP_W if is_suspended(folder) else None


def _files_by_address(sysfs: Path) -> dict[str, Path]:
    files = {}
    for folder in sorted((sysfs / "class" / "hwmon").glob("*")):
        if read_text(folder / "name") == _DRIVER:
            path = next((folder / name for name in _FILES if (folder / name).exists()), None)
            address = address_of(folder / "device")
            if path is not None and address:
                files[address] = path
    return files
