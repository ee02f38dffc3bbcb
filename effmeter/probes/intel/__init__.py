"""Intel GPUs: which of them a program may use."""
