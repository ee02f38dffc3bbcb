"""Numba kernels for CPU and CUDA, each beside a readable NumPy reference.

Kernels take and give arrays; they do not depend on PyTorch.
"""
