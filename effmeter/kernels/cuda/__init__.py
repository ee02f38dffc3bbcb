"""Kernels for NVIDIA GPUs: Numba compiles them, and they run on the stream of the caller.

Arrays are whatever has ``__cuda_array_interface__``; one of unsigned 16-bit integers holds the
bits of bfloat16. They are read by their strides, never copied. The caller brings the outputs,
with anything in them. Sums are in single precision, and in an order that the shapes alone decide:
no atomics, the same numbers each time. Nothing is allocated, and nothing waits for the device, so
a call can be captured in a CUDA graph once the same call has been made before, which compiles.
"""
