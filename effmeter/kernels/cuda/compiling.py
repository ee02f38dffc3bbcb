"""Arrays of the device as kernels take them, and how kernels are compiled and started.

A kernel takes addresses and strides, not array objects: what Numba makes of an array costs more
time than a small kernel takes.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numba import cuda, types
from numba.core import config

Dtype: TypeAlias = np.dtype[Any]
Kernel = Callable[..., None]

# A small layer has a small grid, which is no news to whoever trains it.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0


class OnDevice(Protocol):
    """An array on the GPU of any library."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Located:
    """Where an array lies: address, shape, and strides in elements."""

    address: Any
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Dtype

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements follow each other."""
        return self.strides == _contiguous(self.shape)


def located(array: OnDevice) -> Located:
    """What the array's interface says."""
    said = array.__cuda_array_interface__
    shape, dtype = tuple(said["shape"]), _dtype(said["typestr"])
    strides = said.get("strides")
    in_elements = (
        _contiguous(shape) if strides is None else tuple(s // dtype.itemsize for s in strides)
    )
    return Located(said["data"][0], shape, in_elements, dtype)


_dtype = functools.cache(np.dtype[Any])


@functools.lru_cache(maxsize=1024)
def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


_NUMBERS = {
    np.dtype(name): types.CPointer(number)
    for name, number in (
        ("float32", types.float32),
        ("float16", types.float16),
        ("uint16", types.uint16),
        ("float64", types.float64),
        ("int32", types.int32),
        ("int64", types.int64),
        ("uint8", types.uint8),
    )
}


def pointer(dtype: Any) -> types.Type:
    """The type of an address of such numbers; KeyError for numbers that no kernel reads."""
    return _NUMBERS[np.dtype(dtype)]


def is_bfloat16(dtype: Dtype) -> bool:
    """Whether the numbers are the bits of bfloat16."""
    return dtype == np.uint16


F = TypeVar("F", bound=Callable[..., Any])


def on_device(function: F) -> F:
    """A function that kernels call."""
    callable_there: F = cuda.jit(device=True)(function)
    return callable_there


def compiled(function: Callable[..., None], *arguments: types.Type) -> Any:
    """The kernel for the device in use; what was compiled once is kept on disk."""
    return cuda.jit(types.void(*arguments), cache=True)(function)


Grid = tuple[int, int, int]


def launch(kernel: Any, blocks: Grid, threads: int, stream: int, *arguments: Any) -> None:
    """Start a kernel on a stream, given by its handle; 0 is the device's default stream."""
    kernel[blocks, threads, _stream(stream)](*arguments)


@functools.lru_cache(maxsize=256)
def _stream(handle: int) -> Any:
    return cuda.external_stream(handle) if handle else 0
