"""Parallel work with the tools that people use: what becomes one file, one run, one number.

Run by ``make test-tools``, in the environment that holds these tools.
"""
