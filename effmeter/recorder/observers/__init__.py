"""Observers of the machine: other processes, contention, memory."""
