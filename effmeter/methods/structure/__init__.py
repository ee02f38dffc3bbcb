"""Methods that change the network: growing, pruning, widths."""
