"""The training-efficiency framework (Eq 2 to 4): means, ratios, overtraining."""
