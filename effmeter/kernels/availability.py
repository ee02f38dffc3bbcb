"""Whether the kernels can run here; imports neither Numba nor CUDA before it is called."""

import importlib
import importlib.util

_CPU_KERNEL = "effmeter.kernels.cpu.channels"
"""Any module of kernels: its import loads Numba and opens the cache of compiled kernels."""


def cpu_unavailable_reason() -> str | None:
    """One line with the remedy; None where the kernels for the processor can run."""
    try:
        importlib.import_module(_CPU_KERNEL)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed: pip install 'effmeter[torch]'"
    except (ImportError, OSError) as error:
        return f"Numba cannot be loaded: {' '.join(str(error).split())}"
    except RuntimeError:
        # Numba found no folder for its cache. Each program would compile the kernels anew, which
        # takes longer than they save.
        return "there is no writable folder for compiled kernels: set NUMBA_CACHE_DIR to one"
    return None


def cuda_unavailable_reason() -> str | None:
    """One line with the remedy; None where the kernels for CUDA can run."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed: pip install 'effmeter[cuda]'"
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        found = len(cuda.gpus)
    except CudaSupportError as error:
        first_sentence = " ".join(str(error).split()).partition(". ")[0]
        return f"Numba finds no CUDA driver: {first_sentence}"
    return None if found else "there is no CUDA device"
