"""One GPU as NVML describes it, and the channels that its figures become.

Refresh period and averaging window of the power readings by generation:

=========================  ==============  =============  ==================
generation                 PowerUsage      POWER_INSTANT  POWER_AVERAGE
=========================  ==============  =============  ==================
Pascal, Volta              20 / 10 ms      20 / 10 ms     none
Turing and older others    100 / 100 ms    100 / 100 ms   none
GA100 (A100, A30)          100 / 25 ms     100 / 25 ms    none
other Ampere, Ada          1 s / 1 s       100 / 100 ms   1 s / 1 s
Hopper                     1 s / 1 s       100 / 25 ms    1 s / 1 s
newer, or not told         1 s / 1 s       100 / 25 ms    1 s / 1 s
=========================  ==============  =============  ==================

A gauge of 25 ms in 100 sees a quarter of the time. An average over 1 s is updated every 100 ms
under load and once a second at idle, with a window of up to 2 s there. On an RTX 3090 and an A5000
beside an external meter, POWER_INSTANT is the mean of the 100 ms before its update, to within 0.2 %
once the card's gain and offset are taken off. Newer generations were not studied: they are
taken for the worst.

Sources: Yang, Adamek and Armour, "Part-time power measurements: nvidia-smi's lack of attention"
(arXiv 2312.02741); NVIDIA, NVML API Reference.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.probes.base import LIMIT_HEADROOM

ENERGY_REFRESH_S = 0.1
LEAST_POWER_W = 1.0
"""Less than any GPU draws that is awake: idle laptops' draw 2 W, cards 5 to 10 W and more."""
GAIN_ERROR_FRACTION = 0.08
"""NVIDIA states 5 % for its power readings; sixteen cards beside an external meter were off by up
to 7.9 %, a Turing card by 12.7 %. The error is the card's, not the model's."""
_TURING_GAIN_ERROR_FRACTION = 0.13
_SERVER_OFFSET_ERROR_W, _BOARD_OFFSET_ERROR_W = 5.0, 20.0
"""Fans, memory and regulators are not all in the reading: consumer boards were seen to show 15 to
20 W less at idle while they are right at full load."""
_NOISE_FRACTION, _OLDER_NOISE_FRACTION = 0.01, 0.015
"""What remained once a card's own gain was taken off: Ampere and newer, and GA100 and older."""
_BUS_ID = re.compile(r"[0-9a-fA-F]*([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9a-fA-F])")
_GA100_CAPABILITY = (8, 0)
_GRACE_HOPPER = re.compile(r"\bGH\d{3}\b")
"""On these the energy counter takes in the whole module (found by the Zeus project)."""
_SERVER = re.compile(r"\b(Tesla|[A-Z]{1,2}\d{1,3}[A-Z]?)\b")
_WORKSTATION = re.compile(r"\b(GeForce|GTX|RTX|TITAN|Quadro)\b", re.IGNORECASE)
_FAST_GAUGE = (0.02, 0.01)
_SAMPLED_GAUGE = (0.1, 0.025)
_STEADY_GAUGE = (0.1, 0.1)
AVERAGED_GAUGE = (1.0, 1.0)
"""Refresh period and averaging window of a power reading (s)."""
HOPPER_SAMPLES = (0.02, 0.025, 0.015)
"""Of the values in the driver's buffer, measured on an H200: the period of their stamps, the window
that each averages over, and how long before its stamp the middle of that window lies (s)."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A physical GPU; NVML numbers them in the order of their PCI addresses."""

    index: int
    name: str
    uuid: str
    max_power_w: float | None = None
    """More than it can draw; None where it states no limit."""
    mig_instances: tuple[str, ...] | None = None
    """The UUIDs of its MIG instances; None: it is not partitioned."""
    instant_timing: tuple[float, float] = _SAMPLED_GAUGE
    usage_timing: tuple[float, float] = AVERAGED_GAUGE
    gain_error_fraction: float = GAIN_ERROR_FRACTION
    noise_fraction: float = _OLDER_NOISE_FRACTION
    sample_timing: tuple[float, float, float] | None = None
    """Of the values in the driver's buffer; None where it was never measured: they are not read."""

    @property
    def channel_name(self) -> str:
        """What its channels' names begin with."""
        return f"gpu{self.index}"

    @property
    def counts_module(self) -> bool:
        """Whether its energy counter takes in the processor and memory beside it."""
        return _GRACE_HOPPER.search(self.name) is not None

    @property
    def offset_error_w(self) -> float:
        """How far its reading may be off at any load; boards that are not a server's err more."""
        is_server = _SERVER.search(self.name) and not _WORKSTATION.search(self.name)
        return _SERVER_OFFSET_ERROR_W if is_server else _BOARD_OFFSET_ERROR_W


def describe_gpu(nvml: Any, index: int, handle: Any) -> Gpu:
    """What NVML tells of a GPU; NVMLError where it does not even tell its name."""
    architecture, capability = _generation(nvml, handle)
    return Gpu(
        index,
        nvml.nvmlDeviceGetName(handle),
        nvml.nvmlDeviceGetUUID(handle),
        _max_power_w(nvml, handle),
        mig_instances(nvml, handle),
        _instant_timing(nvml, architecture, capability),
        _usage_timing(nvml, architecture, capability),
        _gain_error_fraction(nvml, architecture),
        _noise_fraction(nvml, architecture, capability),
        HOPPER_SAMPLES if architecture == nvml.NVML_DEVICE_ARCH_HOPPER else None,
    )


def counter_channel(gpu: Gpu, source: str) -> Channel:
    """The energy counter; that of a Grace Hopper is the module's, and stands apart."""
    return Channel(
        name=f"{gpu.channel_name}-module" if gpu.counts_module else gpu.channel_name,
        component=Component.BOARD if gpu.counts_module else Component.GPU,
        kind=Kind.COUNTER,
        provenance=Provenance.MEASURED,
        source=source,
        refresh_s=ENERGY_REFRESH_S,
        device=f"{gpu.name} {gpu.uuid}" + (" module" if gpu.counts_module else ""),
        scope=_module_scope(gpu) if gpu.counts_module else _scope(gpu),
        unit_j=1e-3,
        resolution=1e-3,
        least_power_w=LEAST_POWER_W,
        gain_error_fraction=gpu.gain_error_fraction,
        offset_error_w=gpu.offset_error_w,
        noise_fraction=gpu.noise_fraction,
        max_power_w=None if gpu.counts_module else gpu.max_power_w,
    )


def sample_channel(gpu: Gpu, source: str, timing: tuple[float, float, float]) -> Channel:
    """The driver's buffer of power values; contained in the counter whose course they show."""
    refresh_s, window_s, lag_s = timing
    gauge = gauge_channel(gpu, "power-samples", source, (refresh_s, window_s))
    return replace(gauge, lag_s=lag_s)


def gauge_channel(
    gpu: Gpu, suffix: str, source: str, timing: tuple[float, float], part: str = ""
) -> Channel:
    """A power gauge of the GPU, or of its memory or module by ``part``."""
    is_module = part == "module"
    scopes = {"memory": "the memory of the GPU", "module": _module_scope(gpu)}
    refresh_s, window_s = timing
    return Channel(
        name=f"{gpu.channel_name}-{suffix}",
        component=Component.BOARD if is_module else Component.GPU,
        kind=Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=source,
        refresh_s=refresh_s,
        device=f"{gpu.name} {gpu.uuid} {part}".rstrip(),
        scope=scopes.get(part, _scope(gpu)),
        resolution=1e-3,
        window_s=window_s,
        gain_error_fraction=gpu.gain_error_fraction,
        offset_error_w=gpu.offset_error_w,
        noise_fraction=gpu.noise_fraction,
        max_power_w=None if is_module else gpu.max_power_w,
    )


def _scope(gpu: Gpu) -> str:
    if gpu.mig_instances is None:
        return ""
    return f"the whole GPU, shared by its {len(gpu.mig_instances)} MIG instances"


def _module_scope(gpu: Gpu) -> str:
    return f"the whole module of {gpu.channel_name}: GPU, processor and memory"


def _max_power_w(nvml: Any, handle: Any) -> float | None:
    try:
        _, most_mw = nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
    except nvml.NVMLError:
        return None
    return most_mw * 1e-3 * LIMIT_HEADROOM if most_mw > 0 else None


def pci_address(nvml: Any, handle: Any) -> str:
    """The PCI address of a GPU as sysfs writes it; empty where NVML does not state it."""
    try:
        bus_id = _BUS_ID.fullmatch(str(nvml.nvmlDeviceGetPciInfo(handle).busId))
    except nvml.NVMLError:
        return ""
    return "" if bus_id is None else bus_id[1].lower()


def mig_instances(nvml: Any, handle: Any) -> tuple[str, ...] | None:
    """The UUIDs of a GPU's MIG instances; None where it is not partitioned."""
    try:
        mode, _ = nvml.nvmlDeviceGetMigMode(handle)
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle) if mode else 0
    except nvml.NVMLError:
        return None
    if not mode:
        return None
    found = []
    for place in range(count):
        try:
            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
            found.append(nvml.nvmlDeviceGetUUID(instance))
        except nvml.NVMLError:
            continue  # a place that no instance takes
    return tuple(found)


def _generation(nvml: Any, handle: Any) -> tuple[int | None, tuple[int, ...]]:
    """Architecture and compute capability; None where the GPU does not tell."""
    try:
        architecture = nvml.nvmlDeviceGetArchitecture(handle)
        capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    except nvml.NVMLError:
        return None, ()
    return (None if architecture == nvml.NVML_DEVICE_ARCH_UNKNOWN else architecture), capability


def _instant_timing(
    nvml: Any, architecture: int | None, capability: tuple[int, ...]
) -> tuple[float, float]:
    if architecture in (nvml.NVML_DEVICE_ARCH_PASCAL, nvml.NVML_DEVICE_ARCH_VOLTA):
        return _FAST_GAUGE
    studied = architecture is not None and architecture <= nvml.NVML_DEVICE_ARCH_ADA
    return _STEADY_GAUGE if studied and capability != _GA100_CAPABILITY else _SAMPLED_GAUGE


def _usage_timing(
    nvml: Any, architecture: int | None, capability: tuple[int, ...]
) -> tuple[float, float]:
    """A GPU that does not tell its generation is taken for one that averages longest."""
    averages = architecture is None or architecture > nvml.NVML_DEVICE_ARCH_TURING
    if averages and capability != _GA100_CAPABILITY:
        return AVERAGED_GAUGE
    return _instant_timing(nvml, architecture, capability)


def _gain_error_fraction(nvml: Any, architecture: int | None) -> float:
    """A GPU that does not tell its generation may be of the worst."""
    if architecture in (None, nvml.NVML_DEVICE_ARCH_TURING):
        return _TURING_GAIN_ERROR_FRACTION
    return GAIN_ERROR_FRACTION


def _noise_fraction(nvml: Any, architecture: int | None, capability: tuple[int, ...]) -> float:
    is_newer = architecture is not None and architecture >= nvml.NVML_DEVICE_ARCH_AMPERE
    is_quiet = is_newer and capability != _GA100_CAPABILITY
    return _NOISE_FRACTION if is_quiet else _OLDER_NOISE_FRACTION
