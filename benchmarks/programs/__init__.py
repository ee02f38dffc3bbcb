"""Programs that a benchmark starts; each prints one JSON object, or obeys its input."""
