"""The networks, a module for each family; ``catalogue`` lists them without loading torch."""
