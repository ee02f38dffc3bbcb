"""What the arithmetic of readings works on."""

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
"""Moments of the run clock (ns)."""
Values = NDArray[np.float64]
"""Joules, watts or seconds."""
