"""Memory of a device: a GPU's, or plain memory where Numba's simulator plays the device."""

from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided

from effmeter.kernels.cuda.compiling import OnDevice
from effmeter.kernels.reference import Array


class Device(Protocol):
    def give(self, array: Array) -> OnDevice:
        """A copy with the same strides."""

    def read(self, array: OnDevice) -> Array: ...


class SimulatedArray:
    """To the simulator an address is the memory from there on."""

    def __init__(self, array: Array) -> None:
        self.array = array

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        array = self.array
        return {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (_memory(array), False),
            "strides": array.strides,
            "version": 3,
        }


class Simulator:
    def give(self, array: Array) -> OnDevice:
        return SimulatedArray(as_strided(_memory(array).copy(), array.shape, array.strides))

    def read(self, array: OnDevice) -> Array:
        assert isinstance(array, SimulatedArray)
        return array.array


class Gpu:
    def give(self, array: Array) -> OnDevice:
        import torch

        strides = [stride // array.itemsize for stride in array.strides]
        memory = torch.from_numpy(_memory(array).copy()).cuda()
        given: OnDevice = memory.as_strided(array.shape, strides)
        return given

    def read(self, array: OnDevice) -> Array:
        import torch

        assert isinstance(array, torch.Tensor)
        read: Array = array.cpu().numpy()
        return read


def _memory(array: Array) -> Array:
    """All elements between an array's first and its last."""
    if not array.size:
        return np.empty(0, array.dtype)
    last = sum((n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True))
    return as_strided(array, (last // array.itemsize + 1,), (array.itemsize,))
