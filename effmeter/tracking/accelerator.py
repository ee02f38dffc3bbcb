"""The accelerator at a boundary: waiting, so that its work counts where it belongs; its memory.

Only a framework that the program has loaded and an accelerator that it has begun to use are
touched, and never while a graph is being captured.
"""

import sys
from collections.abc import Iterator
from typing import Any


def synchronise() -> None:
    """Wait until the work handed to the accelerator is done; does nothing where there is none."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_initialized():
        if not cuda.is_current_stream_capturing():
            cuda.synchronize()
        return
    mps = getattr(torch, "mps", None)
    backend = getattr(getattr(torch, "backends", None), "mps", None)
    if mps is not None and backend is not None and backend.is_available():
        mps.synchronize()


def peak_memory_bytes() -> Iterator[tuple[str, int]]:
    """The most memory that torch's tensors held on each CUDA device that holds or held any.

    It counts from the program's start, or from where the program last reset torch's own count,
    which is only read here.
    """
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized() or cuda.is_current_stream_capturing():
        return
    for index in range(cuda.device_count()):
        peak_bytes = cuda.max_memory_allocated(index)
        if peak_bytes:
            yield f"torch-cuda{index}", peak_bytes
