"""The files that the hosts of one job write, each by its own clock."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.channel import Component
from effmeter.runfile.format import Event
from tests.runfile.writing import WALL_NS, RunFile, at, counter, every, metadata


@dataclass(frozen=True)
class Host:
    """One host: its run begins so many seconds after its own clock's reading of ``START_NS``."""

    name: str
    rank: int
    power_w: float
    begin_s: float = 0.0
    epochs_s: Sequence[float] = (2.0, 3.0)
    """How long each epoch lasts."""
    job: Mapping[str, Any] = field(default_factory=lambda: {"id": "job-7", "host_count": 2})
    run_id: str = "run-1"
    boot: str = ""
    """By default one of its own."""
    wall_s: float = 0.0
    status: str | None = "completed"
    notes: Sequence[Mapping[str, Any]] = ()
    """What its program notes at its end."""
    wall_w: float | None = None
    """The power by its meter of the whole machine; None: it has none."""

    def write(self, folder: Path, **described: Any) -> Path:
        """Its file: a second before the first epoch, and one after the last."""
        end_s = self.begin_s + 2 + sum(self.epochs_s)
        facts = {
            "run_id": self.run_id,
            "name": "job",
            "channels": (
                counter(),
                *(() if self.wall_w is None else (counter("wall", Component.WALL),)),
            ),
            "job": {**self.job, "rank": self.rank},
            "host": {"name": self.name, "boot_id": self.boot or f"boot of {self.name}"},
            "started_time_ns": at(self.begin_s),
            "started_wall_ns": WALL_NS + round(self.wall_s * 1e9),
            **described,
        }
        source = f"{self.name}/{self.rank}/42"
        with RunFile(folder / f"{self.name}.arrow", metadata(**facts)) as file:
            file.count("cpu0", every(0.1, self.begin_s, end_s), self.power_w)
            if self.wall_w is not None:
                file.count("wall", every(0.1, self.begin_s, end_s), self.wall_w)
            file.join(self.begin_s, json.dumps({"name": "job", "rank": self.rank}), source)
            file.event(self.begin_s, Event.RUN_BEGIN, source=source, id=1)
            begin_s = self.begin_s + 1
            for number, length_s in enumerate(self.epochs_s, 1):
                times_s = (begin_s, begin_s + length_s)
                accuracy = self.rank + number / 10
                file.epoch(number, *times_s, source, accuracy=accuracy)
                begin_s += length_s
            for note in self.notes:
                file.event(end_s, Event.NOTE, source=source, parent=1, **note)
            if self.status is None:
                file.kill()
            else:
                file.event(end_s, Event.END, source=source, id=1, text=self.status)
                file.end(end_s)
        return file.path
