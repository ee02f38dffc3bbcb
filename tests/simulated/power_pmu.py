"""Linux' ``power`` PMU as sysfs describes it, in a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

RAPL_EVENTS = {"energy-cores": 1, "energy-pkg": 2, "energy-ram": 3, "energy-gpu": 4}
SOFTWARE_PMU = 1
"""A PMU that every Linux has; its event 0 counts the nanoseconds of a CPU."""


def build_power_pmu(
    sysfs: Path,
    events: Mapping[str, int],
    packages: Sequence[tuple[int, int]] = ((0, 0),),
    *,
    pmu_type: int = 32,
    scale: str = "2.3283064365386962890625e-10",
) -> None:
    """Events by name; ``packages`` holds package and die of CPUs 0, 8, 16 and so on."""
    folder = sysfs / "devices" / "power"
    (folder / "events").mkdir(parents=True)
    (folder / "type").write_text(f"{pmu_type}\n")
    (folder / "cpumask").write_text(",".join(str(8 * i) for i in range(len(packages))) + "\n")
    for name, number in events.items():
        (folder / "events" / name).write_text(f"event={number:#04x}\n")
        (folder / "events" / f"{name}.scale").write_text(f"{scale}\n")
        (folder / "events" / f"{name}.unit").write_text("Joules\n")
    for i, (package, die) in enumerate(packages):
        topology = sysfs / "devices" / "system" / "cpu" / f"cpu{8 * i}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text(f"{package}\n")
        (topology / "die_id").write_text(f"{die}\n")
