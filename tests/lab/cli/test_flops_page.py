"""What docs/flops.md shows is what happens."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter
from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.models.entry import Images
from tests.lab.workloads.models.test_flops import counted
from tests.lab.workloads.models.test_models import built, deep_ones_slow, weights

PAGE = (Path(__file__).parents[3] / "docs" / "flops.md").read_text()
ROWS = dict(re.findall(r"^\| `([\w-]+)` \| (.*)$", PAGE, re.MULTILINE))


def test_the_command_prints_what_the_page_shows() -> None:
    ((command, shown),) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)
    _, *arguments = shlex.split(command)
    assert CliRunner().invoke(effmeter, arguments).stdout == shown


def test_every_model_has_a_row() -> None:
    assert MODELS.keys() <= ROWS.keys()


@pytest.mark.parametrize("name", deep_ones_slow(MODELS))
def test_a_row_holds_what_is_counted(name: str) -> None:
    images = Images(1 if MODELS[name].task == "denoising" else 3)
    work = counted(name, images)
    expected = (
        f"{weights(built(name, images)):,}",
        str(len(work.of_kind("convolution").layers)),
        f"{work.executed.forward / 1e9:.2f}",
        f"{work.nominal.backward / 1e9:.2f}",
    )
    assert tuple(cell.strip() for cell in ROWS[name].split("|")[:4]) == expected


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/flops.md", "exec"), {})
    assert 0.5 < float(capsys.readouterr().out) < 0.7
