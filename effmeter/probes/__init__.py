"""Probes: a folder for each family of sensors; :mod:`.search` finds those of this machine."""
