"""Apple silicon through powermetrics and IOReport."""
