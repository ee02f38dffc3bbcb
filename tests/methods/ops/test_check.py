"""The check that doctor runs: what it says of kernels that compute, that cannot and that fail."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from effmeter.errors import UsageError
from effmeter.methods.ops.check import KernelCheck, kernel_checks

ROOT = Path(__file__).parents[3]
CHECK_WITHOUT = """
import json, os, sys
from dataclasses import asdict

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from effmeter.methods.ops.check import kernel_checks
print(json.dumps([asdict(check) for check in kernel_checks(os.environ)]))
"""


def checks_without(*missing: str) -> list[dict[str, Any]]:
    finished = subprocess.run(
        [sys.executable, "-P", "-c", CHECK_WITHOUT.format(missing=missing)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(finished.stdout)
    return found


def test_a_kernel_that_runs_is_the_proof() -> None:
    on_cpu = kernel_checks({})[0]
    assert on_cpu == KernelCheck("cpu", True, "")
    assert str(on_cpu) == "Kernels of methods on cpu: compiled by Numba"


def test_a_reason_and_a_failure_are_one_line_each() -> None:
    assert str(KernelCheck("cuda", False, "no device")).endswith("on cuda: by PyTorch (no device)")
    failed = str(KernelCheck("cpu", True, "no threads"))
    assert failed.endswith("on cpu: fail here (no threads): set EFFMETER_KERNELS=torch")


def test_an_unknown_choice_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="EFFMETER_KERNELS is auto or torch, not 'fast'"):
        kernel_checks({"EFFMETER_KERNELS": "fast"})


def test_without_the_libraries_the_check_says_what_to_install() -> None:
    libraries = ("torch", "numba", "llvmlite", "numba_cuda")
    for check in checks_without(*libraries):
        assert not check["compiled"]
        assert "torch is not installed" in check["reason"]
        assert "pip install 'effmeter[torch]'" in check["reason"]
