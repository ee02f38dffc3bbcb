"""What one NVIDIA GPU answers: found out once, then read again and again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from effmeter.channel import Channel, Component, Kind, Refusal
from effmeter.clock import Clock
from effmeter.probes.base import Boundary, DeviceMemory, Failure, Reading
from effmeter.probes.nvidia.channels import (
    AVERAGED_GAUGE,
    counter_channel,
    describe_gpu,
    gauge_channel,
    pci_address,
    sample_channel,
)
from effmeter.probes.nvidia.fields import (
    MEMORY_SCOPE,
    MODULE_SCOPE,
    POWER_AVERAGE,
    POWER_INSTANT,
    TOTAL_ENERGY,
    Field,
    Refused,
    read_fields,
    refused,
)
from effmeter.probes.nvidia.power_samples import SAMPLES_CALL, PowerSamples
from effmeter.probes.pci import is_suspended
from effmeter.probes.sysfs import read_text

COUNTER_PERIOD_NS = 738_000_000
"""Between readings of an energy counter beside which the driver keeps power samples: its call
blocks for milliseconds. Seven refreshes of 100 ms and 0.38 of one (the golden section) spread the
readings over the refresh period most evenly, so that together they date it best."""
ASLEEP = Failure("the GPU sleeps (runtime suspend), and reading it would wake it")
ASLEEP_W = 1.0
"""What its gauges are taken to show then: it draws 0 to 2 W."""
_ENERGY_CALL = "nvmlDeviceGetTotalEnergyConsumption"
_POWER_CALL = "nvmlDeviceGetPowerUsage"
_ENERGY, _AVERAGE, _INSTANT = map(Field, (TOTAL_ENERGY, POWER_AVERAGE, POWER_INSTANT))
_MEMORY = (Field(POWER_AVERAGE, MEMORY_SCOPE), Field(POWER_INSTANT, MEMORY_SCOPE))
_MODULE = (Field(POWER_AVERAGE, MODULE_SCOPE), Field(POWER_INSTANT, MODULE_SCOPE))


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One channel with the call, or the field, that shows it."""

    channel: Channel
    read_by: Callable[[Any], int] | Field | PowerSamples

    def reading(self, begin_ns: int, end_ns: int, shown: int | float | Refused) -> Reading:
        """Millijoules of a counter, watts of a gauge, or why there is none."""
        value: int | float | Failure
        if isinstance(shown, Refused):
            value = Failure(f"{self.channel.source}: {shown.reason}")
        else:
            value = shown if self.channel.kind is Kind.COUNTER else shown * 1e-3
        return Reading(self.channel.name, begin_ns, end_ns, value)


class Device:
    """One GPU with what of it answers, found out by reading everything once."""

    def __init__(self, nvml: Any, index: int, clock: Clock, sysfs: Path) -> None:
        self._nvml = nvml
        self._now_ns = clock.now_ns
        self.handle = self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        address = pci_address(nvml, self._handle)
        self.folder = sysfs / "bus" / "pci" / "devices" / address if address else None
        """Its folder in sysfs; None where NVML does not state its address."""
        self.gpu = describe_gpu(nvml, index, self._handle)
        fields = (_ENERGY, _AVERAGE, _INSTANT, *_MEMORY, *_MODULE)
        self._shown = dict(zip(fields, read_fields(nvml, self._handle, fields), strict=True))
        self._errors: dict[str, Refused] = {}
        counter, gauges = list(self._counter()), list(self._gauges())
        apart = counter if self.gpu.counts_module else []
        samples = list(self._samples(clock))
        own = [*([] if apart else counter), *samples, *gauges]
        self._is_read = bool(own)
        self.own_channel = (own or apart)[0].channel.name if own or apart else self.gpu.channel_name
        memory = self._first(_MEMORY, "power-memory", "memory") if own else []
        module = self._first(_MODULE, "module-power", "module")
        self.sensors = tuple(_chained([*apart, *module, *_read_seldom(own), *memory]))
        counters = [s for s in self.sensors if s.channel.kind is Kind.COUNTER]
        self._coarse = [s for s in counters if not s.channel.read_period_s]
        self._sampled = [s for s in self.sensors if isinstance(s.read_by, PowerSamples)]
        seldom = [*self._sampled, *(s for s in counters if s.channel.read_period_s)]
        self._polled = [s for s in self.sensors if s not in seldom]
        self._due_ns = 0
        power = self.folder / "power" / "control" if self.folder else None
        self._may_sleep = power is not None and read_text(power) == "auto"

    @property
    def is_asleep(self) -> bool:
        """Whether it is in runtime suspend, from which a call would wake it."""
        return self._may_sleep and self.folder is not None and is_suspended(self.folder)

    @property
    def is_sampled(self) -> bool:
        """Whether the driver keeps power samples, so that the counter is read less often."""
        return bool(self._sampled)

    @property
    def is_coarse(self) -> bool:
        """Whether a boundary is dated by an energy counter alone."""
        return bool(self._coarse)

    def read(self) -> Iterator[Reading]:
        """The readings that are due: the counter and the samples less often than the fields."""
        if self._sampled and self._now_ns() < self._due_ns:
            return self._read(self._polled)
        return self._read_all()

    def read_at(self, boundary: Boundary) -> Iterator[Reading]:
        """The readings at a boundary: at a mark without a counter that samples stand beside."""
        if boundary is Boundary.MARK and self._sampled and self._now_ns() < self._due_ns:
            return self._read([*self._sampled, *self._polled])
        return self._read_all()

    def read_closely(self) -> Iterator[Reading]:
        """One reading of the energy counter, where it alone dates a boundary."""
        return self._read(self._coarse)

    def _read_all(self) -> Iterator[Reading]:
        self._due_ns = self._now_ns() + COUNTER_PERIOD_NS
        return self._read(self.sensors)

    def _read(self, sensors: Sequence[_Sensor]) -> Iterator[Reading]:
        """Calls of their own first, then all fields by one call; a GPU that sleeps is not woken."""
        before_ns = self._now_ns()
        if self.is_asleep:
            for sensor in sensors:
                is_counter = sensor.channel.kind is Kind.COUNTER
                value = ASLEEP if is_counter else ASLEEP_W
                yield Reading(sensor.channel.name, before_ns, before_ns, value)
            return
        fields = []
        for sensor in sensors:
            if isinstance(sensor.read_by, Field):
                fields.append((sensor, sensor.read_by))
                continue
            if isinstance(sensor.read_by, PowerSamples):
                yield from sensor.read_by.readings(sensor.channel)
            else:
                shown: int | float | Refused = self._call(sensor.read_by)
                yield sensor.reading(before_ns, self._now_ns(), shown)
            before_ns = self._now_ns()
        if not fields:
            return
        values = read_fields(self._nvml, self._handle, [field for _, field in fields])
        after_ns = self._now_ns()
        for (sensor, _), shown in zip(fields, values, strict=True):
            yield sensor.reading(before_ns, after_ns, shown)

    def users(self) -> tuple[int, ...] | Failure:
        """The processes that compute or draw on the GPU; why that is not told."""
        used = self._used_by_process()
        return used if isinstance(used, Failure) else tuple(sorted(used))

    def memory(self) -> DeviceMemory:
        """The GPU's memory that is in use."""
        try:
            used_bytes: int | Failure = self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used
        except self._nvml.NVMLError as error:
            used_bytes = Failure(f"nvmlDeviceGetMemoryInfo: {error}")
        return DeviceMemory(used_bytes, self._used_by_process())

    def _used_by_process(self) -> dict[int, int | None] | Failure:
        """One that both computes and draws is listed twice, with the same memory."""
        calls = (
            self._nvml.nvmlDeviceGetComputeRunningProcesses_v3,
            self._nvml.nvmlDeviceGetGraphicsRunningProcesses_v3,
        )
        found: dict[int, int | None] = {}
        errors = []
        for call in calls:
            try:
                found.update((process.pid, process.usedGpuMemory) for process in call(self._handle))
            except self._nvml.NVMLError as error:
                errors.append(str(error))
        return Failure(errors[0]) if len(errors) == len(calls) else found

    def refusals(self) -> Iterator[Refusal]:
        """What does not answer, unless the GPU is only too old for it and has another figure."""
        name = self.gpu.channel_name
        leaves_unread = "" if self._is_read else name
        if not self._is_read and self.gpu.counts_module and _ENERGY_CALL not in self._errors:
            reason = f"its energy counter takes in the whole module: see {name}-module"
            yield Refusal(f"NVML, GPU {self.gpu.index}", Component.GPU, reason, "", True, name)
        known_lack = (self._nvml.NVML_ERROR_NOT_SUPPORTED, self._nvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        for source, error in self._errors.items():
            if not self._is_read or error.code not in known_lack:
                yield refusal_of(f"{source}, GPU {self.gpu.index}", error, leaves_unread)

    def _counter(self) -> Iterator[_Sensor]:
        """The energy counter by a call of its own, which brackets it most tightly."""
        call = self._nvml.nvmlDeviceGetTotalEnergyConsumption
        shown = self._call(call)
        if not isinstance(shown, Refused):
            yield _Sensor(counter_channel(self.gpu, _ENERGY_CALL), call)
        elif self._answers(_ENERGY):
            yield _Sensor(counter_channel(self.gpu, _ENERGY.source), _ENERGY)
        else:
            self._errors[_ENERGY_CALL] = shown

    def _samples(self, clock: Clock) -> Iterator[_Sensor]:
        """The driver's buffer of power samples, where window and lag of a value are known."""
        timing = self.gpu.sample_timing
        if timing is not None:
            samples = PowerSamples(self._nvml, self._handle, clock)
            if samples.answers:
                yield _Sensor(sample_channel(self.gpu, SAMPLES_CALL, timing), samples)

    def _gauges(self) -> Iterator[_Sensor]:
        """The GPU's own power: by both fields, or by the call that older drivers have."""
        if self._answers(_AVERAGE):
            yield self._field_gauge(_AVERAGE, "power-average")
        if self._answers(_INSTANT):
            yield self._field_gauge(_INSTANT, "power-instant")
        if self._answers(_AVERAGE) or self._answers(_INSTANT):
            return
        call = self._nvml.nvmlDeviceGetPowerUsage
        shown = self._call(call)
        if isinstance(shown, Refused):
            self._errors[_POWER_CALL] = shown
        else:
            timing = self.gpu.usage_timing
            yield _Sensor(gauge_channel(self.gpu, "power", _POWER_CALL, timing), call)

    def _first(self, fields: Sequence[Field], suffix: str, part: str) -> list[_Sensor]:
        """A gauge of a part; one that shows nothing at all is taken for one that is not there."""
        answering = [field for field in fields if self._answers(field) and self._shown[field]]
        return [self._field_gauge(field, suffix, part) for field in answering[:1]]

    def _field_gauge(self, field: Field, suffix: str, part: str = "") -> _Sensor:
        timing = AVERAGED_GAUGE if field.id == POWER_AVERAGE else self.gpu.instant_timing
        return _Sensor(gauge_channel(self.gpu, suffix, field.source, timing, part), field)

    def _answers(self, field: Field) -> bool:
        return not isinstance(self._shown[field], Refused)

    def _call(self, call: Any) -> int | Refused:
        try:
            value: int = call(self._handle)
        except self._nvml.NVMLError as error:
            return refused(error)
        return value


def _read_seldom(own: Sequence[_Sensor]) -> Iterable[_Sensor]:
    """A GPU's own sensors; a counter states its period where the driver keeps power samples."""
    is_sampled = any(isinstance(sensor.read_by, PowerSamples) for sensor in own)
    for sensor in own:
        seldom = is_sampled and sensor.channel.kind is Kind.COUNTER
        period_s = COUNTER_PERIOD_NS * 1e-9 if seldom else 0.0
        yield replace(sensor, channel=replace(sensor.channel, read_period_s=period_s))


def _chained(sensors: Sequence[_Sensor]) -> Iterable[_Sensor]:
    """Each contained in the one before it, so that of any that answer only the first counts."""
    yield from sensors[:1]
    for outer, sensor in pairwise(sensors):
        yield replace(sensor, channel=replace(sensor.channel, contained_in=outer.channel.name))


def refusal_of(source: str, error: Refused, leaves_unread: str) -> Refusal:
    """A refusal of a GPU with the command that lifts it, as far as there is one."""
    remedy = _remedy(error.code)
    return Refusal(source, Component.GPU, error.reason, remedy, leaves_unread=leaves_unread)


def _remedy(code: int) -> str:
    import pynvml

    remedies = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
            "install NVIDIA's driver (libnvidia-ml.so.1); a container needs: docker run --gpus all"
        ),
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "sudo modprobe nvidia",
        pynvml.NVML_ERROR_NO_PERMISSION: "sudo usermod -aG video,render $USER, then log in again",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
            "sudo reboot  # the driver was upgraded under the loaded kernel module"
        ),
        pynvml.NVML_ERROR_GPU_IS_LOST: "sudo reboot  # dmesg tells why it fell off the bus",
        pynvml.NVML_ERROR_NOT_SUPPORTED: "",
    }
    return remedies.get(code, "sudo dmesg | grep NVRM  # the driver's own account")
