"""The widths of a network's hidden layers: which can change, how, and on what schedule."""
