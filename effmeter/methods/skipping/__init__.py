"""Methods that skip batches, samples, steps or layers."""
