"""The energy counters of HPE Cray's compute nodes."""
