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


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def logarithm_of(mantissa: np.float32, exponent: np.float32) -> np.float32:
    """Of a mantissa in [sqrt(1/2), sqrt(2)) times two to an exponent."""
    x = mantissa - np.float32(1)
    square = x * x
    y = np.float32(7.0376836292e-2)
    y = y * x - np.float32(1.1514610310e-1)
    y = y * x + np.float32(1.1676998740e-1)
    y = y * x - np.float32(1.2420140846e-1)
    y = y * x + np.float32(1.4249322787e-1)
    y = y * x - np.float32(1.6668057665e-1)
    y = y * x + np.float32(2.0000714765e-1)
    y = y * x - np.float32(2.4999993993e-1)
    y = y * x + np.float32(3.3333331174e-1)
    y = y * x * square + _LN2_LOW * exponent - np.float32(0.5) * square
    return x + y + _LN2_HIGH * exponent


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def sine_and_cosine(angle: np.float32) -> tuple[np.float32, np.float32]:
    """Of an angle within an eighth of a turn."""
    square = angle * angle
    sine = np.float32(8.3321608736e-3) - np.float32(1.9515295891e-4) * square
    sine = angle + angle * square * (sine * square - np.float32(1.6666654611e-1))
    cosine = np.float32(2.443315711809948e-5) * square - np.float32(1.388731625493765e-3)
    cosine = cosine * square + np.float32(4.166664568298827e-2)
    return sine, np.float32(1) - np.float32(0.5) * square + cosine * square * square
