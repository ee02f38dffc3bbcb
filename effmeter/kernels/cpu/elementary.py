"""Elementary functions in float32 as polynomials, those of the Cephes library.

Vectors compute these; calls of the system's functions they do not.
"""

import math

import numpy as np
from numba import njit

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.reference import Array

_LOG2_E = np.float32(math.log2(math.e))
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LEAST_EXPONENT = np.float32(-87.0)


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def sum_of_exponentials(
    values: Array, highest: np.float32, rests: Array, powers: Array
) -> np.float32:
    """Of the values less the highest of them, which are no NaN.

    ``rests`` and ``powers`` are room for as many numbers. What is below exp(-87) counts as that.
    """
    bits = powers.view(np.int32)
    for i in range(values.size):
        x = max(values[i] - highest, _LEAST_EXPONENT)
        twos = np.float32(math.floor(x * _LOG2_E + np.float32(0.5)))
        rests[i] = x - twos * _LN2_HIGH - twos * _LN2_LOW
        bits[i] = (np.int32(twos) + 127) << 23
    total = np.float32(0)
    for i in range(values.size):
        total += powers[i] * _exponential(rests[i])
    return total


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _exponential(x: np.float32) -> np.float32:
    """Of a number within half of ln 2."""
    y = np.float32(1.9875691500e-4)
    y = y * x + np.float32(1.3981999507e-3)
    y = y * x + np.float32(8.3334519073e-3)
    y = y * x + np.float32(4.1665795894e-2)
    y = y * x + np.float32(1.6666665459e-1)
    y = y * x + np.float32(5.0000001201e-1)
    return y * x * x + x + np.float32(1)
