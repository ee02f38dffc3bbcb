import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.channel import Channel, Kind
from effmeter.clock import SystemClock
from effmeter.errors import ProbeError
from effmeter.probes.amd.command import AmdCommandProbe, find
from effmeter.probes.amd.formats import AMD_SMI, FORMATS, ROCM_SMI
from effmeter.probes.base import Failure, Reading
from effmeter.recorder.sampling.sampler import Sampler
from tests.recording import children_of, eventually
from tests.simulated.amd import SimulatedAmdGpu, Trouble, install_command, place_on_bus, save
from tests.simulated.amd.commands import PRINTERS, TRUE_SHARE
from tests.simulated.clock import ManualClock
from tests.simulated.waveforms import constant, square

pytestmark = pytest.mark.untimed

STEADY = SimulatedAmdGpu(constant(300.0))
BOTH = (STEADY, replace(STEADY, address="0000:c5:00.0", waveform=constant(120.0)))


class Bench:
    """A command beside the machine that it shows, whose clock a test moves by hand."""

    def __init__(self, folder: Path, printer: str, gpus: Sequence[SimulatedAmdGpu]) -> None:
        self.folder = folder
        self.clock = ManualClock(1_000_000_000)
        self.program = install_command(folder / "bin", printer, folder / "machine.json")
        self.form = next(form for form in FORMATS if form.command == self.program.name)
        self.show(gpus)

    def show(self, gpus: Sequence[SimulatedAmdGpu]) -> None:
        save(self.folder / "machine.json", gpus, 0, self.clock.time_ns)

    def advance(self, seconds: float, gpus: Sequence[SimulatedAmdGpu]) -> None:
        self.clock.advance(seconds)
        self.show(gpus)

    def trouble(self, trouble: Trouble) -> None:
        (self.folder / "bin" / "trouble").write_text(trouble)

    def probe(self, timeout_s: float = 30.0) -> AmdCommandProbe:
        return AmdCommandProbe(self.form, self.program, self.folder, self.clock, timeout_s)

    def environ(self) -> dict[str, str]:
        return {"PATH": os.pathsep.join((str(self.program.parent), os.defpath))}


@pytest.mark.parametrize("printer", PRINTERS)
def test_every_version_gives_a_counter_and_a_gauge_per_gpu(tmp_path: Path, printer: str) -> None:
    bench = Bench(tmp_path, printer, BOTH)
    probe = bench.probe()
    assert [(c.name, c.kind, c.contained_in) for c in probe.channels] == [
        ("amd-gpu0", Kind.COUNTER, None),
        ("amd-gpu0-power", Kind.GAUGE, "amd-gpu0"),
        ("amd-gpu1", Kind.COUNTER, None),
        ("amd-gpu1-power", Kind.GAUGE, "amd-gpu1"),
    ]
    assert probe.channels[0].device == "AMD Instinct MI300X 0000:c1:00.0"
    assert probe.channels[0].max_power_w == 1500.0
    bench.advance(2.0, BOTH)
    first = probe.read()
    bench.advance(4.0, BOTH)
    second = probe.read()
    for index, power_w in ((0, 300.0), (1, 120.0)):
        counter, gauge = 2 * index, 2 * index + 1
        begin, end = first[counter].value, second[counter].value
        assert isinstance(begin, int)
        assert isinstance(end, int)
        counted_j = (end - begin) * probe.channels[counter].unit_j
        stated_too_high = probe.name == "amd-smi"
        assert counted_j == pytest.approx(
            power_w * 4.0 / (TRUE_SHARE if stated_too_high else 1.0), abs=2e-3
        )
        allowed_j = counted_j * probe.channels[counter].gain_error_fraction
        assert abs(counted_j - power_w * 4.0) < allowed_j
        assert second[gauge].value == power_w


def test_a_gpu_that_a_command_shows_without_a_counter_is_read_by_its_power(tmp_path: Path) -> None:
    gpus = (replace(STEADY, odd_count="N/A"),)
    (gauge,) = Bench(tmp_path, "rocm-smi 6", gpus).probe().channels
    assert (gauge.name, gauge.contained_in) == ("amd-gpu0-power", None)


def test_the_second_die_of_a_package_is_none_of_its_own(tmp_path: Path) -> None:
    first = replace(STEADY, model="AMD INSTINCT MI250 (MCM) OAM AC MBA", averages=True)
    second = replace(first, address="0000:c6:00.0", odd_count=0, odd_power="N/A (Secondary die)")
    probe = Bench(tmp_path, "rocm-smi 5", (first, second)).probe()
    assert [channel.name for channel in probe.channels] == ["amd-gpu0", "amd-gpu0-power"]
    assert [refusal.present for refusal in probe.refusals] == [False]
    assert probe.channels[0].scope == "both dies of the package"


def test_a_counter_that_stands_still_is_shown_beside_its_gauge(tmp_path: Path) -> None:
    frozen = (replace(STEADY, frozen_from_s=0.0),)
    bench = Bench(tmp_path, "amd-smi 7", frozen)
    probe = bench.probe()
    assert probe.channels[0].least_power_w == 10.0, "so that it is told from a GPU at rest"
    counts = set()
    for _ in range(3):
        bench.advance(1.0, frozen)
        counter, gauge = probe.read()
        counts.add(counter.value)
        assert gauge.value == 300.0
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("trouble", "sign"),
    [
        (Trouble.HALF, "no whole JSON document"),
        (Trouble.GARBAGE, "no such thing"),
        (Trouble.REFUSES, "Permission denied"),
    ],
)
@pytest.mark.parametrize("printer", ["rocm-smi 6", "amd-smi 7"])
def test_output_that_is_none_is_a_failure_until_it_is_whole_again(
    tmp_path: Path, printer: str, trouble: Trouble, sign: str
) -> None:
    bench = Bench(tmp_path, printer, BOTH)
    probe = bench.probe()
    bench.trouble(trouble)
    bench.advance(1.0, BOTH)
    failed = probe.read()
    assert [reading.channel for reading in failed] == [channel.name for channel in probe.channels]
    for reading in failed:
        assert isinstance(reading.value, Failure)
        assert sign in reading.value.reason
        assert "\n" not in reading.value.reason
    bench.trouble(Trouble.FAILS_IN_PART)
    bench.advance(1.0, BOTH)
    assert not any(isinstance(reading.value, Failure) for reading in probe.read())


def test_a_gpu_that_is_no_longer_listed_fails_and_the_other_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    probe = bench.probe()
    bench.advance(1.0, BOTH[:1])
    first, _, *lost = probe.read()
    assert isinstance(first.value, int)
    assert {reading.value for reading in lost} == {Failure("rocm-smi does not list the GPU")}


def test_a_command_that_goes_away_is_a_failure(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    probe = bench.probe()
    bench.program.unlink()
    (value,) = {reading.value for reading in probe.read()}
    assert isinstance(value, Failure)
    assert "No such file" in value.reason


def test_a_command_that_hangs_is_ended_and_is_a_failure(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    quick = bench.probe(timeout_s=30.0)
    bench.trouble(Trouble.HANGS)
    children_before = children_of(os.getpid())
    with pytest.raises(ProbeError, match=r"did not answer within 0\.2 s"):
        bench.probe(timeout_s=0.2)
    assert children_of(os.getpid()) == children_before
    assert quick.channels


def test_a_reading_is_stamped_around_the_call(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    save(tmp_path / "machine.json", BOTH, 0, None)
    clock = SystemClock()
    probe = AmdCommandProbe(ROCM_SMI, bench.program, tmp_path, clock)
    begun_ns = clock.now_ns()
    counter, gauge, *_ = probe.read()
    assert begun_ns <= counter.begin_ns < counter.end_ns <= clock.now_ns()
    assert counter.end_ns - counter.begin_ns > 1_000_000, "a program was started and has ended"
    assert (gauge.begin_ns, gauge.end_ns) == (counter.begin_ns, counter.end_ns)
    assert probe.channels[0].call_cost_s > 0.001


class Ticks:
    """A quick probe, which counts how often it is read."""

    name = "ticks"
    channels: tuple[Channel, ...] = ()
    period_s = 0.001

    def __init__(self) -> None:
        self.reads = 0

    def read(self) -> list[Reading]:
        self.reads += 1
        return []

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def ticking() -> Iterator[Ticks]:
    ticks = Ticks()
    sampler = Sampler(ticks, SystemClock(), lambda: None)
    sampler.start()
    sampler.set_period(0.001)
    yield ticks
    sampler.stop()


def test_a_command_that_hangs_delays_no_other_probe(tmp_path: Path, ticking: Ticks) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    probe = bench.probe(timeout_s=1.0)
    bench.trouble(Trouble.HANGS)
    answered = threading.Event()
    sampler = Sampler(probe, SystemClock(), answered.set)
    sampler.start()
    sampler.request()
    eventually(lambda: sampler.reading_since_ns is not None, "the command runs")
    reads_before = ticking.reads
    assert answered.wait(20.0)
    assert ticking.reads - reads_before > 20
    assert all(isinstance(reading.value, Failure) for reading in sampler.drain())
    sampler.stop()


def name_of(found: tuple[AmdCommandProbe | None, object]) -> str:
    probe, complaints = found
    assert probe is not None
    assert complaints == ()
    return probe.name


def test_rocm_smi_is_preferred_because_it_shows_the_counter_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    install_command(tmp_path / "bin", "amd-smi 7", tmp_path / "machine.json")
    assert name_of(find(tmp_path, bench.environ(), bench.clock)) == "rocm-smi"
    bench.program.unlink()
    assert name_of(find(tmp_path, bench.environ(), bench.clock)) == "amd-smi"


def test_the_second_command_is_asked_where_the_first_gives_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "good", "amd-smi 6.3", BOTH)
    broken = Bench(tmp_path / "broken", "rocm-smi 6", BOTH)
    broken.trouble(Trouble.GARBAGE)
    folders = [str(b.program.parent) for b in (broken, bench)]
    found = find(tmp_path, {"PATH": os.pathsep.join([*folders, os.defpath])}, bench.clock)
    assert name_of(found) == "amd-smi"


def test_a_refusal_names_the_groups_that_lift_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "rocm-smi 6", BOTH)
    bench.trouble(Trouble.REFUSES)
    probe, (refusal,) = find(tmp_path, bench.environ(), bench.clock)
    assert probe is None
    assert refusal.present
    assert "/dev/kfd" in refusal.reason
    assert refusal.remedy.startswith("sudo usermod -aG render,video $USER")


def test_graphics_inside_the_processor_are_left_to_the_processors_energy(tmp_path: Path) -> None:
    inside = replace(STEADY, address="0000:0d:00.0", waveform=square(5.0, 20.0, 1.0))
    bench = Bench(tmp_path, "amd-smi 7", (STEADY, inside))
    place_on_bus(tmp_path, [inside])
    (tmp_path / "bus/pci/devices/0000:0d:00.0/gpu_metrics").write_bytes(bytes((120, 0, 2, 3)))
    probe = AmdCommandProbe(AMD_SMI, bench.program, tmp_path, bench.clock)
    assert [channel.name for channel in probe.channels] == ["amd-gpu0", "amd-gpu0-power"]
    assert [refusal.present for refusal in probe.refusals] == [False]
