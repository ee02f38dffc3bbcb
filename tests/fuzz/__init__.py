"""Fuzzers of what comes from strangers: run files, and messages to the recorder.

``python -m tests.fuzz`` runs them for a time; ``make fuzz`` is the same. A failing input is kept
and named, and ``--seed`` repeats a run.
"""
