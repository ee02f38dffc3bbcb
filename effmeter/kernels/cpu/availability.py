"""Whether the kernels for the processor can run here."""

import importlib

_SOME_KERNEL = "effmeter.kernels.cpu.channels"


def absence() -> str | None:
    """Why they cannot, in one line; None where they can."""
    try:
        importlib.import_module(_SOME_KERNEL)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed: pip install 'effmeter[torch]'"
    except (ImportError, OSError) as error:
        return f"Numba cannot be loaded: {' '.join(str(error).split())}"
    except RuntimeError:
        # Compiling anew in every program would take longer than the kernels save.
        return "compiled kernels can be kept nowhere: set NUMBA_CACHE_DIR to a folder to write in"
    return None
