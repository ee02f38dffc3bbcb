"""The case study of Cueto-Mendoza and Kelleher: LeNet against its Bayesian equivalent.

*A framework for measuring the training efficiency of a neural architecture*, Tables 3 to 14, the
data behind Figures 5 to 11, and appendix A's second machine.
"""
