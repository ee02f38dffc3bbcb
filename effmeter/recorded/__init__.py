"""Recorded runs read back: epochs, spans, metrics, readings."""
