"""How kernels for the processor are compiled and run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from numba import get_num_threads, set_num_threads
from numba.core import config

EXACT_FOR_NAN = {"reassoc", "nsz", "contract", "arcp"}
"""Sums may be taken in any order, which vectors need; NaN and infinity stay what they are."""

_MOST_THREADS = int(vars(config)["NUMBA_NUM_THREADS"])
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Kernels in this context run on ``count`` threads, at most those that Numba has.

    Callers on several threads take turns: without OpenMP, Numba falls back to a thread pool
    that aborts the program when two threads enter it at once.
    """
    with _ONE_AT_A_TIME:
        before = get_num_threads()
        set_num_threads(max(1, min(count, _MOST_THREADS)))
        try:
            yield
        finally:
            set_num_threads(before)
