"""Captures of what the sensors of a machine answer, to be replayed as tests elsewhere."""
