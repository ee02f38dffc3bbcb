"""Normal numbers that follow from a seed, a step and a layer, on the GPU."""

import functools
import math
from typing import Any

import numpy as np
from numba import cuda, types

from effmeter.kernels.cuda.compiling import OnDevice, compiled, launch, located, pointer
from effmeter.kernels.reference import PHILOX_KEY_STEPS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS

THREADS = 256
_MULTIPLIER_A, _MULTIPLIER_C = (np.uint64(word) for word in PHILOX_MULTIPLIERS)
_STEP_A, _STEP_B = (np.uint64(word) for word in PHILOX_KEY_STEPS)
_LOW, _HALF, _UPPER = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(8)
_PER_WORD = np.float32(2.0**-24)
_TURN = np.float32(2.0 * math.pi)


def normal(
    numbers: OnDevice, seed: int, step: int, layer: int, deviation: float = 1.0, stream: int = 0
) -> None:
    """Fill ``numbers`` float32, contiguous, with those of the reference times ``deviation``."""
    written = located(numbers)
    size = math.prod(written.shape)
    if not size:
        return
    blocks = -(-size // (4 * THREADS))
    threads = THREADS if blocks > 1 else -(-size // 4)
    launch(
        _kernel(),
        (blocks, 1, 1),
        threads,
        stream,
        written.address,
        size,
        seed % 2**64,
        step % 2**64,
        layer,
        deviation,
    )


@functools.cache
def _kernel() -> Any:
    return compiled(fill_normal, *signature())


def signature() -> tuple[types.Type, ...]:
    """The types of the kernel's arguments."""
    return (
        pointer(np.float32),
        types.int64,
        types.uint64,
        types.uint64,
        types.uint32,
        types.float32,
    )


def fill_normal(
    numbers: Any, size: int, seed: int, step: int, layer: int, deviation: float
) -> None:
    """A thread draws four words and makes four numbers of them."""
    own = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if own * 4 >= size:
        return
    a, b = np.uint64(own), np.uint64(layer)
    c, d = np.uint64(step) & _LOW, np.uint64(step) >> _HALF
    key_a, key_b = np.uint64(seed) & _LOW, np.uint64(seed) >> _HALF
    for _ in range(PHILOX_ROUNDS):
        from_a, from_c = a * _MULTIPLIER_A, c * _MULTIPLIER_C
        a, c = (from_c >> _HALF) ^ b ^ key_a, (from_a >> _HALF) ^ d ^ key_b
        b, d = from_c & _LOW, from_a & _LOW
        key_a, key_b = (key_a + _STEP_A) & _LOW, (key_b + _STEP_B) & _LOW
    for pair in range(2):
        one, other = (a, b) if pair == 0 else (c, d)
        uniform = np.float32(np.float32(one >> _UPPER) + np.float32(1)) * _PER_WORD
        angle = np.float32(other >> _UPPER) * _PER_WORD * _TURN
        radius = np.float32(math.sqrt(np.float32(-2) * math.log(uniform))) * np.float32(deviation)
        at = own * 4 + pair * 2
        if at < size:
            numbers[at] = radius * np.float32(math.cos(angle))
        if at + 1 < size:
            numbers[at + 1] = radius * np.float32(math.sin(angle))
