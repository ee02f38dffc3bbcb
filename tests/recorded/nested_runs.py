"""Recordings with runs inside them: a command, and what ran within it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, counter, every, metadata

COMMAND, PROGRAM = "host/-/42", "host/-/43"
POWER_W = 20.0
LASTS_S = 10.0


@dataclass(frozen=True)
class Inner:
    """A run inside the command; ``parent`` is a ``run_id``."""

    name: str
    begin_s: float
    end_s: float | None
    parent: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    accuracies: Sequence[float] = ()
    status: str = "completed"
    source: str = PROGRAM
    notes: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    """By default the name."""

    def write(self, file: RunFile, root: int) -> None:
        """Its marks, all of one program: a process numbers its runs."""
        ids = {"run_id": self.run_id or self.name, "parent_run_id": self.parent}
        joining = json.dumps({"name": self.name, **ids, "labels": self.labels})
        file.join(self.begin_s - 0.01, joining, self.source, root)
        file.event(self.begin_s, Event.RUN_BEGIN, source=self.source, id=root)
        end_s = LASTS_S if self.end_s is None else self.end_s
        length_s = (end_s - self.begin_s) / max(1, len(self.accuracies))
        for number, accuracy in enumerate(self.accuracies, 1):
            begin_s = self.begin_s + (number - 1) * length_s
            times_s = (begin_s, begin_s + length_s)
            file.epoch(number, *times_s, self.source, root, accuracy=accuracy)
        for name, text in self.notes.items():
            marked = {"source": self.source, "parent": root, "name": name, "text": text}
            file.event(end_s, Event.NOTE, **marked)
        if self.end_s is not None:
            file.event(end_s, Event.END, source=self.source, id=root, text=self.status)


def write_nested(path: Path, inner: Sequence[Inner], **described: Any) -> Path:
    """A command of ten seconds at constant power, with runs inside it."""
    facts = {"name": "command", "channels": (counter(),), **described}
    with RunFile(path, metadata(**facts)) as file:
        file.count("cpu0", every(0.1, 0, LASTS_S), POWER_W)
        file.join(0.0, json.dumps({"name": "command"}), COMMAND, 1)
        file.event(0.0, Event.RUN_BEGIN, source=COMMAND, id=1)
        for root, run in enumerate(inner, 10):
            run.write(file, root)
        file.event(LASTS_S, Event.END, source=COMMAND, id=1, text="completed")
        worst = [run.status for run in inner if run.status != "completed"]
        file.end(LASTS_S, worst[0] if worst else "completed")
    return path
