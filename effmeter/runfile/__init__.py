"""The run file: its format, its rows, writing and reading it."""
