"""Numba kernels beside their NumPy references."""
