"""RAPL energy counters of Intel and AMD processors: powercap, perf events, pyRAPL."""
