"""Mutations of run files, through the reader and every kind of report."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.fuzz.damage import damaged, reframed
from tests.fuzz.forged_file import DESCRIBED, changed_rows, rows, write
from tests.fuzz.hostile import changed_json, json_of
from tests.fuzz.report_check import VIEWS, check_figures, check_reading, check_view
from tests.golden.make import FOLDER

KINDS = ("damaged", "damaged", "reframed", "metadata", "metadata", "rows", "rows", "both")


class FileFuzzer:
    """Makes one file after another in a folder, and checks what is made of it."""

    def __init__(self, folder: Path) -> None:
        self.input = folder / "file.arrow"
        """The file at work: it stays where a report on it fails, or ends the process."""
        self._rows = rows()
        self._json = json_of(DESCRIBED)
        made = write(folder / "intact.arrow", self._rows, self._json).read_bytes()
        self._intact: Mapping[str, bytes] = {
            "made": made,
            "unfinished": made[: len(made) * 2 // 3],
            "v2": (FOLDER / "run-v2.arrow").read_bytes(),
            "v1": (FOLDER / "run-v1.arrow").read_bytes(),
        }
        self._shown: dict[str, str] = {}
        for name, data in self._intact.items():
            self.input.write_bytes(data)
            self._shown[name] = check_view(self.input, VIEWS[0])

    def shown(self, name: str) -> str:
        """The report in JSON on one of the files that are changed."""
        return self._shown[name]

    def step(self, rng: Random) -> str:
        """Make and check one file; its kind. Raises an error where a report is wrong."""
        kind = rng.choice(KINDS)
        if kind == "damaged":
            return self._damage(rng)
        if kind == "reframed":
            name = rng.choice(("made", "v2"))
            self.input.write_bytes(reframed(rng, self._intact[name]))
        else:
            text = self._json if kind == "rows" else changed_json(rng, self._json)
            said = self._rows if kind == "metadata" else changed_rows(rng, self._rows)
            write(self.input, said, text, rng.choice("2221"), rng.choice((5, 40, 500)))
        check_view(self.input, VIEWS[0])
        check_view(self.input, rng.choice(VIEWS[1:]))
        check_reading(self.input)
        return kind

    def _damage(self, rng: Random) -> str:
        name = rng.choice(list(self._intact))
        data = damaged(rng, self._intact[name])
        self.input.write_bytes(data)
        shown = check_view(self.input, VIEWS[0])
        if name != "v1" and shown:
            check_figures(shown, self._shown[name])
        if not shown or json.loads(shown)["runs"]:
            check_view(self.input, rng.choice(VIEWS[1:]))
        check_reading(self.input)
        return f"damaged {name}"
