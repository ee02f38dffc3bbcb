"""The strata over which coverage is proven: sensor kind x waveform x window length.

Every window lies in a run of its own, with phases of sensor, recorder and load drawn anew, so
that windows are independent and the binomial law holds for the number that contains the truth.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.simulated.sensors import (
    SimulatedCounter,
    SimulatedGauge,
    SimulatedRecorder,
    SimulatedSensor,
    at_ns,
    record,
)
from tests.simulated.waveforms import Sine, Waveform, bursts, constant, ramp, square

PERIODS_S = (0.025, 0.033, 0.1 / 3, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LENGTHS_S = (0.05, 0.2, 1.0, 2.0, 5.0, 10.0)
