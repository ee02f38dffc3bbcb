"""From a run to results."""
