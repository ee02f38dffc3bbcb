"""How much the gradients of all layers resemble the stored ones, on the GPU.

All layers are cut into chunks, a block for each, in one launch that reads the gradients and what
is stored once and stores the gradients; a second, small one adds up the chunks of each layer.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import cuda, types

from effmeter.kernels.cuda.compiling import (
    Dtype,
    Kernel,
    OnDevice,
    compiled,
    is_bfloat16,
    launch,
    located,
    pointer,
)
from effmeter.kernels.cuda.elements import number
from effmeter.kernels.reference import Array

CHUNK = 16384
"""Elements of a block: with 256 threads, 64 for each."""
THREADS = 256
LOADS_AHEAD = 4
SUMS = 3
_ADDING_THREADS = SUMS * 32


def chunk_table(
    gradient_offsets: Sequence[int], stored_offsets: Sequence[int], sizes: Sequence[int]
) -> tuple[Array, Array]:
    """Where the chunks of some parts lie: int64 (chunks, 3), and int32 (parts + 1), first chunks.

    Offsets count elements, from the array that ``similarity`` is given as the base; parts lie
    anywhere in the device's memory, at either side of it, and are contiguous. A chunk is where it
    begins in the gradients and in what is stored, and its size.
    """
    first = np.concatenate([[0], np.cumsum([-(-size // CHUNK) for size in sizes])]).astype(np.int32)
    part = np.repeat(np.arange(len(sizes)), np.diff(first))
    within = (np.arange(first[-1]) - first[part]) * CHUNK
    begins = np.array([gradient_offsets, stored_offsets], np.int64)[:, part] + within
    size = np.minimum(np.array(sizes, np.int64)[part] - within, CHUNK)
    return np.ascontiguousarray(np.stack([*begins, size], 1)), first


def similarity(
    gradients: OnDevice,
    stored: OnDevice,
    chunks: OnDevice,
    first_chunks: OnDevice,
    partial_sums: OnDevice,
    sums: OnDevice,
    stream: int = 0,
) -> None:
    """As the reference, for parts of one dtype (float32, float16, bfloat16) in one call.

    ``gradients`` and ``stored`` are the bases from which ``chunks`` counts; see ``chunk_table``.
    Writes ``partial_sums`` float32 (chunks, 3) and ``sums`` float64 (parts, 3), both contiguous,
    and the gradients to where they are stored.
    """
    new, old, table, first = (located(a) for a in (gradients, stored, chunks, first_chunks))
    partial, whole = located(partial_sums), located(sums)
    count, parts = table.shape[0], whole.shape[0]
    if count:
        launch(
            _compare_kernel(new.dtype),
            (count, 1, 1),
            THREADS,
            stream,
            new.address,
            old.address,
            table.address,
            partial.address,
        )
    if parts:
        launch(
            _add_kernel(),
            (parts, 1, 1),
            _ADDING_THREADS,
            stream,
            partial.address,
            first.address,
            whole.address,
        )


@functools.cache
def _compare_kernel(dtype: Dtype) -> Any:
    return compiled(compare_kernel(dtype), *compare_signature(dtype))


@functools.cache
def _add_kernel() -> Any:
    return compiled(add_chunks, *add_signature())


def compare_signature(dtype: Dtype) -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that compares."""
    return (pointer(dtype), pointer(dtype), pointer(np.int64), pointer(np.float32))


def add_signature() -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that adds up chunks."""
    return (pointer(np.float32), pointer(np.int32), pointer(np.float64))


def compare_kernel(dtype: Dtype) -> Kernel:
    """A block compares a chunk."""
    element, bits = dtype.type, is_bfloat16(dtype)

    def compare_chunks(new: Any, old: Any, chunks: Any, partial: Any) -> None:
        sums = cuda.shared.array((SUMS, THREADS), np.float32)
        now = cuda.local.array(LOADS_AHEAD, element)
        before = cuda.local.array(LOADS_AHEAD, element)
        thread, threads, chunk = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
        source, target = chunks[chunk * 3], chunks[chunk * 3 + 1]
        size = np.int32(chunks[chunk * 3 + 2])
        product, of_now, of_before = np.float32(0), np.float32(0), np.float32(0)
        place = np.int32(thread)
        while place < size:
            for turn in range(LOADS_AHEAD):
                # Past the end, the last element is read again and not used: loads need no branch.
                there = min(np.int32(place + turn * threads), np.int32(size - 1))
                now[turn], before[turn] = new[source + there], old[target + there]
            for turn in range(LOADS_AHEAD):
                ahead = np.int32(place + turn * threads)
                if ahead < size:
                    old[target + ahead] = now[turn]
                    newer, older = number(now[turn], bits), number(before[turn], bits)
                    product += newer * older
                    of_now += newer * newer
                    of_before += older * older
            place = np.int32(place + LOADS_AHEAD * threads)
        sums[0, thread], sums[1, thread], sums[2, thread] = product, of_now, of_before
        # Half of the threads add the other half's sums, until thread 0 has all three.
        half = threads >> 1
        while half > 0:
            cuda.syncthreads()
            if thread < half:
                for which in range(SUMS):
                    sums[which, thread] += sums[which, thread + half]
            half >>= 1
        if thread == 0:
            for which in range(SUMS):
                partial[chunk * SUMS + which] = sums[which, 0]

    return compare_chunks


def add_chunks(partial: Any, first_chunks: Any, sums: Any) -> None:
    """A block adds up the chunks of a part, in double precision: thirty-two threads a sum."""
    shared = cuda.shared.array(_ADDING_THREADS, np.float64)
    thread, part = cuda.threadIdx.x, cuda.blockIdx.x
    which, lane = thread // 32, thread % 32
    total = np.float64(0)
    for chunk in range(first_chunks[part] + lane, first_chunks[part + 1], 32):
        total += partial[chunk * SUMS + which]
    shared[thread] = total
    cuda.syncthreads()
    if lane == 0:
        for other in range(1, 32):
            total += shared[thread + other]
        sums[part * SUMS + which] = total
