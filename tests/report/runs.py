"""Recorded runs for reports: an ordinary one, and one with everything that can be amiss."""

import json
from pathlib import Path

from effmeter.channel import Component, Provenance, Refusal
from effmeter.runfile.format import Event
from tests.runfile.writing import SOURCE, RunFile, at, counter, every, gauge, metadata

CPU_W, GPU_W = 50.0, 200.0


def _host(boot: str) -> dict[str, str]:
    """One host, booted before each of the runs: none overlapped another."""
    return {"name": "host", "boot_id": boot}


def write_plain(path: Path, name: str = "lenet-1", size: int = 1) -> Path:
    """Ten seconds, four epochs of two seconds, 50 W of processor and 200 W of accelerator."""
    channels = (counter(), counter("gpu0", Component.GPU))
    described = metadata(name=name, channels=channels, labels={"size": size}, host=_host("plain"))
    with RunFile(path, described) as file:
        file.count("cpu0", every(0.1, 0, 10), CPU_W)
        file.count("gpu0", every(0.1, 0, 10), GPU_W)
        for number, accuracy in enumerate((0.5, 0.9, 0.92, 0.91), 1):
            begin_s = 2.0 * number - 1
            file.epoch(number, begin_s, begin_s + 2, accuracy=accuracy, loss=1 / number)
        file.event(9.5, Event.NOTE, name="stop", text="max-epochs")
        file.end(10.0)
    return path


def write_troubled(path: Path) -> Path:
    """A run that was cut off, with gaps, dropped marks, suspend, estimates and a refusal."""
    estimate = counter(
        "ram-estimate", Component.RAM, provenance=Provenance.ESTIMATED, estimate_factor=3.0
    )
    described = metadata(
        name="[bold]troubled[/bold]",
        host=_host("troubled"),
        channels=(counter(), gauge(), estimate),
        refusals=(Refusal("NVML", Component.SOC, "no driver", "load the driver"),),
    )
    file = RunFile(path, described)
    for time_s, asleep_s in ((0, 0.0), (10, 30.0)):
        file.event(time_s, Event.ANCHOR, id=at(time_s), value=0.0, duration_s=asleep_s)
    file.join(0, json.dumps({"name": "one"}))
    file.count("cpu0", every(0.1, 0, 10), CPU_W)
    file.count("ram-estimate", every(0.1, 0, 10), 6.0)
    file.show("gpu0-power", every(0.1, 0, 4), GPU_W)
    file.event(4, Event.GAP, channel="gpu0-power", id=1, text="GPU is lost")
    file.epoch(1, 1, 3, accuracy=float("nan"))
    file.epoch(2, 3, None)
    file.event(5, Event.NOTE, name="recorder", text="the disk is full")
    file.event(6, Event.NOTE, source="host/-/42", name="dropped_marks", value=12.0)
    file.event(6, Event.NOTE, name="missed_deadlines", value=3.0, text="powercap")
    file.event(7, Event.CONTENTION, channel="gpu0-power", value=2.0, text="1, 2")
    file.kill()
    return path


def write_spans(path: Path) -> Path:
    """Nested spans at constant power, one of them without an end."""
    with RunFile(path, metadata(name="spans", channels=(counter(),), host=_host("spans"))) as file:
        file.count("cpu0", every(0.1, 0, 10), CPU_W)
        for time_s, number, parent, name in ((1, 2, 1, "prepare"), (2, 3, 2, "load images")):
            file.event(time_s, Event.SPAN_BEGIN, source=SOURCE, id=number, parent=parent, name=name)
        file.event(3, Event.METRIC, source=SOURCE, parent=3, name="images", value=64.0)
        for time_s, number in ((3, 3), (5, 2)):
            file.event(time_s, Event.SPAN_END, source=SOURCE, id=number)
        file.event(6, Event.SPAN_BEGIN, source=SOURCE, id=4, parent=1, name="train")
        file.end(10.0)
    return path


def write_shared(path: Path) -> Path:
    """Twenty seconds on a shared machine: the run had 3 of 4 parts of the processors' work, then
    1 of 4, and three quarters of the use of the GPU; memory is divided by no rule."""
    ram = counter("dram0", Component.RAM)
    channels = (counter(), counter("gpu0", Component.GPU), ram)
    with RunFile(path, metadata(name="shared", channels=channels)) as file:
        file.join(0, json.dumps({"name": "shared"}))
        for name, power_w in (("cpu0", CPU_W), ("gpu0", GPU_W), ("dram0", 5.0)):
            file.count(name, every(0.1, 0, 20), power_w)
        for time_s, all_s, own_s, gpu_s in ((0, 0, 0, 0), (10, 40, 30, 6), (20, 80, 40, 12)):
            file.event(time_s, Event.WORK, value=float(all_s))
            file.event(time_s, Event.WORK, value=float(own_s), source=SOURCE, id=1)
            file.event(time_s, Event.WORK, channel="gpu0", value=gpu_s / 0.75)
            file.event(time_s, Event.WORK, channel="gpu0", value=float(gpu_s), source=SOURCE)
        file.end(20.0)
    return path
