"""Training-acceleration methods and the workloads they run on."""
