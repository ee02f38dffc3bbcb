"""Models, data sets and the reference training loop."""
