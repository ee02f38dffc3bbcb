"""Normal random numbers that follow from a seed, a step and a layer, whoever draws them where."""

import math

import numpy as np
from numba import njit, prange

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.cpu.elementary import logarithm_of, sine_and_cosine
from effmeter.kernels.reference import PHILOX_KEY_STEPS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS, Array

_TILE = 512
"""Counters taken at a time, each of which gives four words: they stay in the cache."""
_LOW, _WORD_BITS = np.uint64(0xFFFFFFFF), np.uint64(32)
_MULTIPLY_A, _MULTIPLY_C = (np.uint64(m) for m in PHILOX_MULTIPLIERS)
_ROOT_OF_HALF_BITS = 0x3F3504F3
_STEP_A, _STEP_B = (np.uint64(step) for step in PHILOX_KEY_STEPS)


def normal(size: int, seed: int, step: int, layer: int, deviation: float = 1.0) -> Array:
    """As the reference, in float32 and times a deviation."""
    numbers = np.empty((-(-size // (4 * _TILE)) * _TILE, 4), np.float32)
    stream = [seed % 2**32, seed // 2**32, layer, step % 2**32, step // 2**32]
    _draw(numbers, np.array(stream, np.uint64), np.float32(deviation))
    return numbers.reshape(-1)[:size]


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _draw(numbers: Array, stream: Array, deviation: np.float32) -> None:
    for tile in prange(len(numbers) // _TILE):
        words = np.empty((4, _TILE), np.uint64)
        _fill(words, np.uint64(tile * _TILE), stream)
        found = np.empty((4, _TILE), np.float32)
        _box_muller(words[0], words[1], deviation, found[0], found[1])
        _box_muller(words[2], words[3], deviation, found[2], found[3])
        place = numbers[tile * _TILE : (tile + 1) * _TILE]
        for i in range(_TILE):
            for j in range(4):
                place[i, j] = found[j, i]


@njit(cache=True)
def _fill(words: Array, first: np.uint64, stream: Array) -> None:
    """The words of Philox for counters from ``first`` on."""
    a, b, c, d = words[0], words[1], words[2], words[3]
    for i in range(_TILE):
        a[i], b[i], c[i], d[i] = first + np.uint64(i), stream[2], stream[3], stream[4]
    key_a, key_b = stream[0], stream[1]
    for _ in range(PHILOX_ROUNDS):
        for i in range(_TILE):
            from_a, from_c = a[i] * _MULTIPLY_A, c[i] * _MULTIPLY_C
            a[i] = (from_c >> _WORD_BITS) ^ b[i] ^ key_a
            b[i] = from_c & _LOW
            c[i] = (from_a >> _WORD_BITS) ^ d[i] ^ key_b
            d[i] = from_a & _LOW
        key_a, key_b = (key_a + _STEP_A) & _LOW, (key_b + _STEP_B) & _LOW


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _box_muller(first: Array, second: Array, deviation: np.float32, x: Array, y: Array) -> None:
    uniform, angles = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    bits, quarters = uniform.view(np.int32), np.empty(_TILE, np.int32)
    exponents = np.empty(_TILE, np.float32)
    for i in range(_TILE):
        uniform[i] = np.int32(first[i] >> np.uint64(8)) + 1
        turn = np.int32(second[i] >> np.uint64(8))
        quarter = (turn + (1 << 21)) >> 22
        quarters[i] = quarter
        angles[i] = np.float32(np.int32(turn - (quarter << 22))) * np.float32(2 * math.pi / 2**24)
    for i in range(_TILE):
        # What is left is the mantissa, in [sqrt(1/2), sqrt(2)); the word is one over 2**24.
        exponent = np.int32((bits[i] - _ROOT_OF_HALF_BITS) >> 23)
        bits[i] -= exponent << 23
        exponents[i] = np.int32(exponent - 24)
    for i in range(_TILE):
        logarithm = logarithm_of(uniform[i], exponents[i])
        radius = deviation * math.sqrt(np.float32(-2) * logarithm)
        sine, cosine = sine_and_cosine(angles[i])
        is_odd, is_behind = quarters[i] & 1, quarters[i] & 2
        along, across = (sine, cosine) if is_odd else (cosine, sine)
        x[i] = radius * (-along if is_odd ^ (is_behind >> 1) else along)
        y[i] = radius * (-across if is_behind else across)
