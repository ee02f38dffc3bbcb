"""AMD GPUs through amdsmi, rocm-smi and amd-smi."""
