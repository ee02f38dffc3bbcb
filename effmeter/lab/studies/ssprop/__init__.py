"""The experiments of Zhong et al. on sparse back-propagation, run again.

*ssProp: Energy-Efficient Training for Convolutional Neural Networks with Scheduled Sparse Back
Propagation*: the account of operations, Tables 4 to 7, the sensitivity study, and the data behind
Figure 4.
"""
