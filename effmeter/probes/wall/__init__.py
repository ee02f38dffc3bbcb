"""Meters of the whole machine: IPMI, and a command that the machine's owner names."""
