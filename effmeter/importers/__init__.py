"""Run files from the logs of other instruments: one module for each source format."""
