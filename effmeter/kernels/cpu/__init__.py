"""Kernels for the processor: parallel loops that Numba compiles once and keeps on disk."""
