"""Run files read back."""
