"""scikit-learn's handwritten digits; nothing is downloaded.

1797 images of 8x8 pixels, a copy of the test set of the UCI "Optical Recognition of Handwritten
Digits" data. They have no test part of their own.
"""

import numpy as np

from effmeter.lab.workloads.datasets.arrays import LabelledArrays, Parts
from effmeter.lab.workloads.datasets.splits import hold_out

_WHITE = 16


def read_digits(split_seed: int = 0, test_fraction: float = 0.2) -> Parts:
    """The digits, (N, 1, 8, 8); with the defaults 1437 to train on and 360 to test on.

    The split keeps the share of each class and depends on ``split_seed`` alone.
    """
    from sklearn import datasets  # takes seconds to load

    digits = datasets.load_digits()
    images = digits.images.astype(np.uint8)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    everything = LabelledArrays(images, labels, _WHITE)
    kept, held = hold_out(labels, test_fraction, split_seed)
    return Parts(everything.chosen(kept), everything.chosen(held))
