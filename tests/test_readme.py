"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

from effmeter.recorded.reading import read_run
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine

pytestmark = pytest.mark.untimed

README = Path(__file__).parents[1] / "README.md"


def test_the_example_in_the_readme_runs_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    accuracies = iter([0.5 + n / 200 for n in range(50)])
    surroundings = {"train_one_epoch": lambda: None, "evaluate": lambda: next(accuracies)}
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        exec(compile(example, "README.md", "exec"), surroundings)
    (file,) = (tmp_path / "runs").iterdir()
    run = read_run(file)
    assert (run.name, run.status) == ("lenet-1", "completed")
    assert run.labels == {"architecture": "lenet", "size": 1}
    assert [e.metrics["accuracy"] for e in run.epochs] == [0.5 + n / 200 for n in range(50)]


def test_every_page_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
