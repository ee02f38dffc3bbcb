"""Methods that prune: whole filters while a network trains, or single weights before."""
