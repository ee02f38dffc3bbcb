"""Which code computes, in programs of their own: without Numba, in threads, on a second start."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from effmeter.errors import UsageError
from effmeter.methods.ops.dispatch import kernel_path

ROOT = Path(__file__).parents[3]

WITHOUT_NUMBA = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "llvmlite", "numba_cuda"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
TRAIN = """
import json, os, sys, torch
from effmeter.methods.ops.dispatch import kernel_path
from effmeter.methods.method import Batch
from effmeter.methods.registry import parse_method

def train(text, inputs, targets):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3), torch.nn.Flatten(),
        torch.nn.Linear(80, 3),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    method = parse_method(text)
    with method.attach(model, optimizer):
        for epoch in range(2):
            method.begin_epoch(epoch, 2)
            for step in range(4):
                batch = method.begin_step(Batch(inputs, targets))
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(batch.inputs), batch.targets)
                loss.backward()
                method.after_backward(loss)
                optimizer.step()
    return loss.item()

generator = torch.Generator().manual_seed(1)
inputs = torch.randn(16, 1, 8, 8, generator=generator)
targets = torch.randint(0, 3, (16,), generator=generator)
texts = [
    "max-gradient:schedule=all", "random-gradient:schedule=all,sigma=0.01",
    "ssprop:schedule=constant,drop=0.5", "gskip:burn_in_steps=1,loss_tolerance=9",
    "deadhorse:policy=dh,threshold=0.9",
]

def train_all():
    path = kernel_path("cpu")
    losses = {text: train(text, inputs, targets) for text in texts}
    print(json.dumps({"compiled": path.compiled, "reason": path.reason, "losses": losses,
                      "numba": "numba" in sys.modules}))

train_all()
"""
TRAIN_AGAIN_AS_USUAL = """
del os.environ["EFFMETER_KERNELS"]
train_all()
"""
IN_THREADS = """
import threading, torch
from effmeter.methods.ops import operators

torch.set_num_threads(2)
gradient = torch.randn(20, 100, 10, 10)
first = operators.most_important(gradient, 50)
found = []

def choose():
    for _ in range(20):
        found.append(torch.equal(operators.most_important(gradient, 50), first))

threads = [threading.Thread(target=choose) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(found), len(found))
"""
THREADS = """
import torch
from effmeter.methods.ops import operators

torch.set_num_threads(1)
for size in (10, 1_000_000):
    operators.most_important(torch.ones(1, 2, 1, size), 1)
    print(torch.get_num_threads())
"""
COUNT_COMPILATIONS = """
import json, torch
from numba.core import event
from effmeter.methods.ops import operators

with event.install_recorder("numba:compile") as compilations:
    operators.with_channels_last(torch.ones(2, 3, 4, 4))
    operators.most_important(torch.ones(2, 3, 4, 4), 1)
print(json.dumps(len(compilations.buffer)))
"""


def run(program: str, **environ: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def trained() -> tuple[dict[str, Any], dict[str, Any]]:
    """In one program: what PyTorch trains, chosen by the environment, then what kernels train."""
    lines = run(TRAIN + TRAIN_AGAIN_AS_USUAL, EFFMETER_KERNELS="torch").splitlines()
    by_torch, by_kernels = map(json.loads, lines)
    return by_torch, by_kernels


def test_methods_compute_by_compiled_kernels_without_being_told(
    trained: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, by_kernels = trained
    assert by_kernels["compiled"]
    assert by_kernels["numba"]


@pytest.mark.slow
def test_without_numba_every_method_trains_the_same(
    trained: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, by_kernels = trained
    without = json.loads(run(WITHOUT_NUMBA + TRAIN))
    assert not without["numba"]
    assert without["reason"] == "numba is not installed: pip install 'effmeter[torch]'"
    assert without["losses"] == pytest.approx(by_kernels["losses"], rel=1e-4)


def test_the_environment_can_choose_pytorch(
    trained: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    by_torch, by_kernels = trained
    assert not by_torch["numba"]
    assert by_torch["reason"] == "EFFMETER_KERNELS is set to torch"
    assert by_torch["losses"] == pytest.approx(by_kernels["losses"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["workqueue", "default"])
def test_kernels_can_be_called_from_several_threads(layer: str) -> None:
    assert run(IN_THREADS, NUMBA_THREADING_LAYER=layer).split() == ["80", "80"]


@pytest.fixture(scope="module")
def two_programs() -> list[list[str]]:
    """The same program, run twice: the numbers of PyTorch's threads, and of compilations."""
    return [run(THREADS + COUNT_COMPILATIONS).split() for _ in range(2)]


@pytest.mark.slow
def test_kernels_leave_the_framework_its_number_of_threads(two_programs: list[list[str]]) -> None:
    for *threads, _ in two_programs:
        assert threads == ["1", "1"]


@pytest.mark.slow
def test_a_second_program_compiles_nothing(two_programs: list[list[str]]) -> None:
    *_, compilations = two_programs[1]
    assert json.loads(compilations) == 0


@pytest.mark.slow  # compiles from nothing
def test_the_first_program_compiles_for_all_later_ones(tmp_path: Path) -> None:
    first, second = (
        json.loads(run(COUNT_COMPILATIONS, NUMBA_CACHE_DIR=str(tmp_path))) for _ in range(2)
    )
    assert first > 0
    assert second == 0


def test_a_wrong_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="EFFMETER_KERNELS is auto or torch, not 'fast'"):
        kernel_path("cpu", {"EFFMETER_KERNELS": "fast"})


def test_devices_without_kernels_compute_by_pytorch() -> None:
    path = kernel_path("mps", {})
    assert not path.compiled
    assert path.reason == "there are no kernels for mps"


def test_where_compiled_kernels_can_be_kept_nowhere_pytorch_computes(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "folder")
    shutil.copytree(
        ROOT / "effmeter", tmp_path / "effmeter", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "effmeter/kernels/cpu/__pycache__").touch()
    path = run(
        "from effmeter.methods.ops.dispatch import kernel_path; print(kernel_path('cpu').reason)",
        PYTHONPATH=str(tmp_path),
        HOME=nowhere,
        NUMBA_CACHE_DIR="",
        XDG_CACHE_HOME=nowhere,
    )
    assert "set NUMBA_CACHE_DIR to one" in path
