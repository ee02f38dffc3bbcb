"""Published studies run again: one module or folder for each, which gives tables as plain data."""
