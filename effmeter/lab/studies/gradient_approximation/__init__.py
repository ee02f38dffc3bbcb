"""The experiments of Wang et al. on approximated weight gradients, run again.

*Accelerated CNN Training Through Gradient Approximation*: Tables 2 to 5, with ResNet-14 as the
smaller model, and the switch to full gradients at a plateau.
"""
