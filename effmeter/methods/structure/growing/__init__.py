"""Methods that add units to the hidden layers of a network while it trains."""
