"""Sampling: threads that read probes, and what becomes of a raw reading."""
