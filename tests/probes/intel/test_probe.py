from pathlib import Path

import pytest

from effmeter.channel import Component, Kind
from effmeter.cover import choose_cover
from effmeter.probes.base import Discovery, Failure
from effmeter.probes.intel.probe import ASLEEP, ASLEEP_W, find
from effmeter.probes.search import discover
from tests.simulated.clock import ManualClock
from tests.simulated.hwmon import SimulatedHwmon, SimulatedRail
from tests.simulated.pci import place_pci_device
from tests.simulated.waveforms import constant

ARC, INTEGRATED = "0x56a0", "0x46a6"
FIRST, SECOND = "0000:03:00.0", "0000:83:00.0"
CARD = [
    SimulatedRail("energy1_input", constant(120.0), "card", "label"),
    SimulatedRail("energy2_input", constant(90.0), "pkg", "label"),
    SimulatedRail("power1_input", constant(120.0)),
]


def place_card(sysfs: Path, address: str, device: str = ARC, driver: str = "xe") -> Path:
    return place_pci_device(
        sysfs, address, "0x8086", "0x030000", None, device=device, driver=driver
    )


def search(sysfs: Path) -> Discovery:
    return find(sysfs, ManualClock())


def values(found: Discovery) -> dict[str, object]:
    return {r.channel: r.value for probe in found.probes for r in probe.read()}


def test_a_card_is_named_by_its_address_and_contains_its_chip_and_its_gauge(
    tmp_path: Path,
) -> None:
    place_card(tmp_path, FIRST)
    tree = SimulatedHwmon(tmp_path, [("xe", CARD)], addresses=[FIRST])
    tree.advance_to(2_000_000_000)
    found = search(tmp_path)
    card = f"intel-gpu-{FIRST}"
    assert values(found) == {card: 240_000_000, f"{card}-power": 120.0, f"{card}-chip": 180_000_000}
    assert {c.name: c.contained_in for c in found.channels} == {
        card: None,
        f"{card}-power": card,
        f"{card}-chip": card,
    }
    assert {channel.component for channel in found.channels} == {Component.GPU}
    assert choose_cover(found.channels, [c.name for c in found.channels]).names == (card,)
    assert found.refusals == ()


def test_the_numbers_of_hwmon_may_change(tmp_path: Path) -> None:
    for address in (FIRST, SECOND):
        place_card(tmp_path, address)
    SimulatedHwmon(tmp_path, [("xe", CARD[:1])] * 2, addresses=[SECOND, FIRST])
    names = [channel.name for channel in search(tmp_path).channels]
    assert names == [f"intel-gpu-{FIRST}", f"intel-gpu-{SECOND}"]


def test_the_tiles_of_a_card_lie_inside_it(tmp_path: Path) -> None:
    place_card(tmp_path, FIRST, "0x0bd5", "i915")
    devices = [("i915", CARD[:1]), ("i915_gt0", CARD[:1]), ("i915_gt1", CARD[:1])]
    SimulatedHwmon(tmp_path, devices, addresses=[FIRST] * 3)
    found = search(tmp_path)
    card = f"intel-gpu-{FIRST}"
    assert [c.name for c in found.channels] == [card, f"{card}-tile0", f"{card}-tile1"]
    assert choose_cover(found.channels, [c.name for c in found.channels]).names == (card,)


@pytest.mark.parametrize("driver", ["", "i915"])
def test_a_card_without_energy_is_unknown_and_not_absent(tmp_path: Path, driver: str) -> None:
    place_card(tmp_path, FIRST, driver=driver)
    found = discover(tmp_path, {}, ManualClock())
    (refusal,) = (r for r in found.refusals if FIRST in r.source)
    assert refusal.present
    assert refusal.component is Component.GPU
    assert ("modprobe" in refusal.remedy) is (not driver)
    cover = choose_cover(found.channels, [c.name for c in found.channels], found.refusals)
    assert Component.GPU in cover.missing


def test_one_card_of_two_without_energy_makes_a_total_partial(tmp_path: Path) -> None:
    for address in (FIRST, SECOND):
        place_card(tmp_path, address)
    SimulatedHwmon(tmp_path, [("xe", CARD[:1])], addresses=[FIRST])
    found = search(tmp_path)
    cover = choose_cover(found.channels, [c.name for c in found.channels], found.refusals)
    assert cover.names == (f"intel-gpu-{FIRST}",)
    assert cover.partial == (f"intel-gpu-{SECOND}",)


@pytest.mark.parametrize(
    ("address", "device", "is_card"),
    [
        ("0000:00:02.0", INTEGRATED, False),
        ("0000:00:05.0", ARC, True),
        ("0000:03:00.0", "0xffff", True),
        ("0000:00:02.0", "", False),
    ],
)
def test_a_gpu_inside_the_processor_is_no_card(
    tmp_path: Path, address: str, device: str, is_card: bool
) -> None:
    place_card(tmp_path, address, device)
    assert bool(search(tmp_path).refusals) is is_card


def test_a_card_without_a_device_node_here_belongs_to_other_programs(tmp_path: Path) -> None:
    for number, address in enumerate((FIRST, SECOND), 128):
        (place_card(tmp_path, address) / "drm" / f"renderD{number}").mkdir(parents=True)
    SimulatedHwmon(tmp_path, [("xe", CARD[:1])] * 2, addresses=[FIRST, SECOND])
    nodes = tmp_path / "nodes"
    nodes.mkdir()
    (nodes / "renderD129").touch()
    found = find(tmp_path, ManualClock(), nodes)
    assert found.names == {f"intel-gpu-{SECOND}"}
    (hidden,) = found.refusals
    assert not hidden.present
    assert FIRST in hidden.source


@pytest.mark.parametrize("shown", ["", "none", "-1", "9" * 40])
def test_what_is_no_count_is_a_failure(tmp_path: Path, shown: str) -> None:
    place_card(tmp_path, FIRST)
    tree = SimulatedHwmon(tmp_path, [("xe", CARD[:1])], addresses=[FIRST])
    found = search(tmp_path)
    tree.path("card").write_text(shown)
    (value,) = values(found).values()
    assert isinstance(value, Failure)
    tree.path("card").unlink()
    (value,) = values(found).values()
    assert isinstance(value, Failure)


def test_a_card_whose_file_shows_no_number_is_refused_with_the_cause(tmp_path: Path) -> None:
    place_card(tmp_path, FIRST)
    tree = SimulatedHwmon(tmp_path, [("xe", CARD[:1])], addresses=[FIRST])
    tree.path("card").write_text("")
    (refusal,) = search(tmp_path).refusals
    assert refusal.leaves_unread == f"intel-gpu-{FIRST}"
    assert "does not show a number" in refusal.reason


def test_a_sleeping_card_is_not_read(tmp_path: Path) -> None:
    place_card(tmp_path, FIRST)
    power = tmp_path / "bus/pci/devices" / FIRST / "power"
    power.mkdir()
    status = power / "runtime_status"
    status.write_text("suspended\n")
    tree = SimulatedHwmon(tmp_path, [("xe", CARD[:1])], addresses=[FIRST])
    tree.path("card").write_text("reading this would wake the card")
    found = search(tmp_path)
    counter, resting = f"intel-gpu-{FIRST}", f"intel-gpu-{FIRST}-asleep"
    assert values(found) == {counter: ASLEEP, resting: ASLEEP_W}
    cover = choose_cover(found.channels, {resting}, found.refusals)
    assert (cover.names, cover.partial, cover.missing) == ((resting,), (), ())
    status.write_text("active\n")
    tree.advance_to(1_000_000_000)
    awake = values(found)
    assert awake[counter] == 120_000_000
    assert awake[resting] == Failure(f"runtime suspend of Intel card {FIRST}: the card is awake")
    assert choose_cover(found.channels, {counter}, found.refusals).names == (counter,)


def test_the_limit_of_a_card_bounds_its_counter(tmp_path: Path) -> None:
    place_card(tmp_path, FIRST)
    limits = {"rated_max": "190000000", "max": "228000000", "crit": "junk"}
    rails = [SimulatedRail("power1_input", constant(1.0), attributes=limits), *CARD[:1]]
    SimulatedHwmon(tmp_path, [("xe", rails)], addresses=[FIRST])
    channels = {channel.kind: channel for channel in search(tmp_path).channels}
    assert channels[Kind.COUNTER].max_power_w == pytest.approx(456.0)
