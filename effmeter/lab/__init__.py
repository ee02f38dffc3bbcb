"""The laboratory: workloads, sweeps of recorded trainings, published studies."""
