"""Whether the CUDA kernels can run here."""

import importlib.util


def absence() -> str | None:
    """Why they cannot, in one line; None where they can."""
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
