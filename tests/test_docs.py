"""What the pages show works: their examples run, page by page, and their links lead somewhere.

The blocks of a page run one after another, as a reader would try them, beside names that stand for
the reader's own work. A page says before a block why it does not run, in a comment that readers
do not see: ``<!-- not executed: because -->``. Its imports are checked all the same.
"""

import ast
import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

import effmeter
from tests.analysis.labelled_runs import labelled_run
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"(<!-- not executed: .+? -->\n+)?^```python\n(.*?)^```", re.M | re.S)


class Block(NamedTuple):
    """One example: its page and line, its source, and whether it runs."""

    place: str
    source: str
    executed: bool


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(f"{page.name}:{text.count(chr(10), 0, found.start(2)) + 1}", found[2], not found[1])
        for found in BLOCK.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
WITH_EXAMPLES = [page for page in PAGES if any(block.executed for block in blocks_of(page))]


@pytest.mark.parametrize("block", BLOCKS, ids=[block.place for block in BLOCKS])
def test_what_an_example_imports_of_effmeter_exists(block: Block) -> None:
    for node in ast.walk(ast.parse(block.source, block.place)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("effmeter"):
            module = importlib.import_module(str(node.module))
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert missing == []


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_some_runs(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["example"])
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        names = own_work(with_index=page.stem == "methods-skipping")
        for block in blocks_of(page):
            if block.executed:
                exec(compile(block.source, block.place, "exec"), names)


def record_some_runs(folder: Path) -> None:
    """Three trained sizes, each with two seeds, and the run that the pages read."""
    folder.mkdir()
    labelled_run(folder / "lenet-1.arrow", architecture="lenet", dataset="digits", size=1, seed=0)
    for size in (2, 3):
        for seed in (1, 2):
            path = folder / f"lenet-{size}-seed-{seed}.arrow"
            labelled_run(path, architecture="lenet", dataset="digits", size=size, seed=seed)


def own_work(*, with_index: bool) -> dict[str, Any]:
    """What the examples leave to the reader: a model, its data, its optimizer."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10)
    )
    images, classes = torch.rand(8, 1, 8, 8), torch.arange(8)
    batch = (images, classes, torch.arange(8)) if with_index else (images, classes)
    return {
        "effmeter": effmeter,
        "torch": torch,
        "pa": pa,
        "Path": Path,
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "batches": [batch],
        "loader": [batch],
        "cross_entropy": torch.nn.functional.cross_entropy,
        "epochs": 2,
        "epoch_loss": 1.0,
        "evaluate": lambda: 0.5,
        "train_one_epoch": lambda: None,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
