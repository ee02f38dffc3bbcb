"""The kernels compile without a GPU: for one generation, and for two more in the long run."""

import functools
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from effmeter.kernels.cuda import (
    channels,
    confident_rows,
    patch_kernels,
    patches,
)
from effmeter.kernels.cuda import gradient_similarity as similarity
from effmeter.kernels.cuda import largest_elements as peaks
from effmeter.kernels.cuda.compiling import Dtype, is_bfloat16

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib
from numba import cuda, types
from numba.cuda import dispatcher

# Each generation with another type of number.
GENERATIONS = {(7, 0): "float16", (8, 0): "uint16", (9, 0): "float32"}

EVERY_TIME = (8, 0)
FURTHER = sorted({*GENERATIONS} - {EVERY_TIME})

Compiled = tuple[Callable[..., None], tuple[types.Type, ...]]
KERNELS: dict[str, Callable[[Dtype, bool], Compiled]] = {
    "peak": lambda d, bits: (peaks.single_peak(bits, True), peaks.signature(d, False)),
    "peak of slices": lambda d, bits: (peaks.single_peak(bits, False), peaks.signature(d, False)),
    "peaks": lambda d, bits: (peaks.several_peaks(bits, True), peaks.signature(d, True)),
    "patches as they lie": lambda d, bits: (
        patch_kernels.reading_as_they_lie(bits, 3, 3, 4),
        patches.signature(d, False),
    ),
    "patches laid out": lambda d, bits: (
        patch_kernels.laying_out(bits, 3, 3, 4),
        patches.signature(d, True),
    ),
    "sums": lambda d, bits: (channels.sums_kernel(bits, True), channels.sums_signature(d)),
    "gather": lambda d, bits: (channels.gather_kernel(d, True), channels.gather_signature(d)),
    "compare": lambda d, bits: (
        similarity.compare_kernel(d),
        similarity.compare_signature(d),
    ),
    "add": lambda d, bits: (similarity.add_chunks, similarity.add_signature()),
    "score": lambda d, bits: (confident_rows.score_kernel(bits), confident_rows.score_signature(d)),
    "keep": lambda d, bits: (confident_rows.list_kept, confident_rows.keep_signature()),
}


class Gpu(NamedTuple):
    """What Numba asks of the device while it compiles."""

    compute_capability: tuple[int, int]


@pytest.fixture(params=[EVERY_TIME, *(pytest.param(g, marks=pytest.mark.slow) for g in FURTHER)])
def generation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    for library in ("nvvm", "nvrtc"):
        try:
            load_nvidia_dynamic_lib(library)
        except DynamicLibNotFoundError:
            pytest.skip(f"NVIDIA's library {library} is not installed")
    gpu = Gpu(request.param)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: gpu)
    return gpu.compute_capability


@functools.cache
def assembly(kernel: str, generation: tuple[int, int]) -> str:
    dtype = np.dtype(GENERATIONS[generation])
    function, signature = KERNELS[kernel](dtype, is_bfloat16(dtype))
    text, _ = cuda.compile_ptx(function, types.void(*signature), cc=generation, device=False)
    return str(text)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_compiles(kernel: str, generation: tuple[int, int]) -> None:
    text = assembly(kernel, generation)
    assert f".target sm_{generation[0]}{generation[1]}" in text
    assert text.count(".entry") == 1


@pytest.mark.parametrize("kernel", ["peak", "patches as they lie", "patches laid out", "compare"])
def test_what_a_thread_adds_up_stays_in_registers(
    kernel: str, generation: tuple[int, int], tmp_path: Path
) -> None:
    source = tmp_path / "kernel.ptx"
    source.write_text(assembly(kernel, generation))
    said = subprocess.run(
        [assembler(), "-v", f"-arch=sm_{generation[0]}{generation[1]}", source, "-o", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "0 bytes stack frame, 0 bytes spill stores" in said
    registers = re.search(r"Used (\d+) registers", said)
    assert registers is not None
    # Two blocks of 256 threads fit; on Volta, whose compiler takes more, one.
    assert int(registers[1]) <= (128 if generation >= (8, 0) else 255)


@functools.cache
def assembler() -> Any:
    nvidia: Any = pytest.importorskip("nvidia", reason="nvidia-cuda-nvcc-cu12 is not installed")
    for folder in nvidia.__path__:
        for path in Path(folder).glob("**/bin/ptxas"):
            return path
    return pytest.skip("nvidia-cuda-nvcc-cu12 is not installed")
