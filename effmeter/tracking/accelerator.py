"""Waiting for the accelerator at a boundary, so that its work counts where it belongs.

Only a framework that the program has loaded and an accelerator that it has begun to use are
touched, and never while a graph is being captured.
"""

import sys
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
