"""Probes: one module per family of sensors."""
