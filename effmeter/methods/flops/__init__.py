"""Counts of floating-point operations of training steps, with and without a method."""
