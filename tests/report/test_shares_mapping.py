"""The shares of a run in JSON and CSV."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter
from tests.report.runs import write_plain, write_shared
from tests.schemas import assert_fits


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No idle power of this machine."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def report(*arguments: object) -> str:
    result = CliRunner().invoke(effmeter, ["report", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_shares_fit_the_schema_and_sum_to_the_total(tmp_path: Path) -> None:
    told = json.loads(report("--json", write_shared(tmp_path / "shared.arrow")))
    assert_fits(told, "report")
    (run,) = told["runs"]
    shares = run["shares"]
    values_j = [share["value_j"] for share in shares["holders"].values()]
    assert math.fsum(filter(None, values_j)) == pytest.approx(run["total"]["energy"]["value_j"])
    assert shares["holders"]["idle"]["value_j"] is None
    assert (shares["power_ratio"], shares["idle_date"]) == (3.0, None)
    devices = {device["device"]: device["unknown"] for device in shares["devices"]}
    assert devices.keys() == {"cpu", "gpu0", "ram"}
    assert devices["ram"] is not None
    for device in shares["devices"]:
        parts_j = [share["value_j"] for share in device["holders"].values()]
        assert math.fsum(filter(None, parts_j)) == pytest.approx(device["energy"]["value_j"])


def test_a_file_that_states_no_work_has_none(tmp_path: Path) -> None:
    told = json.loads(report("--json", write_plain(tmp_path / "plain.arrow")))
    assert_fits(told, "report")
    assert told["runs"][0]["shares"] is None


def test_csv_has_a_column_for_each_end(tmp_path: Path) -> None:
    text = report("--csv", write_shared(tmp_path / "shared.arrow"))
    (row,) = csv.DictReader(io.StringIO(text))
    ends = [float(row[f"share.run_{end}j"]) for end in ("low_", "", "high_")]
    assert ends == sorted(ends)
    assert row["share.idle_j"] == ""
    assert float(row["share.unattributed_j"]) == pytest.approx(100.0)
