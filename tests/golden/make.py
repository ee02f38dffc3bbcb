"""Writes ``run-v1.arrow``: every event and every column of format 1, and nothing by chance.

Run ``python -m tests.golden.make`` from the repository's root, once for each new format. A
golden file of a format that is out is never written again: that it stays readable is its use.
"""

import json
from pathlib import Path

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.runfile.format import FORMAT_VERSION, Event, Metadata
from tests.runfile.writing import SOURCE, START_NS, WALL_NS, RunFile, at, every

FOLDER = Path(__file__).parent
CPU = Channel(
    "cpu0",
    Component.CPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "intel-rapl:0/energy_uj",
    0.001,
    device="A processor",
    unit_j=1e-6,
    modulus=262143328851,
    resolution=61e-6,
    max_power_w=250.0,
)
GAUGE = Channel(
    "gpu0-power",
    Component.GPU,
    Kind.GAUGE,
    Provenance.MEASURED,
    "nvmlDeviceGetPowerUsage",
    0.1,
    device="A GPU",
    resolution=0.001,
    window_s=1.0,
    gain_error_fraction=0.05,
    max_power_w=300.0,
)
RAM = Channel(
    "ram-estimate",
    Component.RAM,
    Kind.COUNTER,
    Provenance.ESTIMATED,
    "3 W per 8 GiB",
    0.001,
    unit_j=1e-6,
    resolution=1e-6,
    estimate_factor=3.0,
)
METADATA = Metadata(
    run_id="golden-1",
    name="golden",
    started_wall_ns=WALL_NS,
    started_time_ns=START_NS,
    labels={"architecture": "lenet", "size": 1, "rate": 0.5, "pretrained": False},
    channels=(CPU, RAM),
    refusals=(Refusal("dram zone", Component.RAM, "not readable", "effmeter daemon run"),),
    host={"name": "host", "logical_cpus": 2},
    program={"command": "train.py", "pid": 42},
    versions={"effmeter": "0.1.0"},
    git_commit="0" * 40,
    sampling={"rate_hz": 10.0},
)
CPU_W, GPU_W, RAM_W = 50.0, 200.0, 6.0


def main() -> None:
    """Write the golden file of the present format."""
    write(FOLDER / f"run-v{FORMAT_VERSION}.arrow")


def write(path: Path) -> None:
    """Ten seconds in four epochs; a GPU appears after five, and a sensor has a gap."""
    with RunFile(path, METADATA) as file:
        _begin(file)
        file.flush()
        _train(file)
        file.flush()
        _end(file)


def _begin(file: RunFile) -> None:
    file.event(0, Event.ANCHOR, id=at(0), value=0.0, duration_s=12.0)
    file.join(0, json.dumps({"host": "host", "name": "golden", "program": {"pid": 42}}))
    file.introduce(0, CPU, 1234.5)
    file.introduce(0, RAM, 0.0)
    file.count("cpu0", every(0.25, 0, 10), CPU_W)
    file.count("ram-estimate", every(0.5, 0, 10), RAM_W)


def _train(file: RunFile) -> None:
    file.event(0.5, Event.SPAN_BEGIN, source=SOURCE, id=2, parent=1, name="train")
    for number in range(1, 4):
        file.epoch(number, 2.0 * number - 1, 2.0 * number + 1, accuracy=0.25 * number)
    file.epoch(4, 7.0, None)
    file.event(7.5, Event.METRIC, source=SOURCE, parent=2, name="loss", value=0.125)
    file.event(8.0, Event.SPAN_END, source=SOURCE, id=2)
    file.introduce(5.0, GAUGE)
    file.show("gpu0-power", every(0.5, 5, 10), GPU_W)
    file.row(9.9, channel="gpu0-power", power_w=GPU_W, duration_s=0.002)
    file.event(6.0, Event.CONTENTION, channel="gpu0-power", value=1.0, text="4711")


def _end(file: RunFile) -> None:
    file.event(8.0, Event.GAP, channel="ram-estimate", id=1, text="not readable")
    closed = {"id": 1, "text": "not readable", "value": 0.0, "duration_s": 1.0}
    file.event(8.0, Event.GAP, channel="ram-estimate", **closed)
    file.event(9.0, Event.NOTE, source=SOURCE, name="stop", text="max-epochs")
    file.event(10, Event.ANCHOR, id=at(10), value=0.0, duration_s=12.0)
    file.event(10, Event.END, source=SOURCE, id=1, text="completed")
    file.event(10, Event.END, text="completed")


if __name__ == "__main__":
    main()
