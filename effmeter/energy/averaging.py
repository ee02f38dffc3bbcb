"""What an average hides at the boundary of a window.

A gauge that averages over ``W`` seconds shows the energy at a moment as the mean of the energies
within ``W / 2`` around it. Two things move the truth away from that:

- **A step** of the power that the readings show, of ``D`` watts at the moment itself: the mean of
  the energies is then ``D W / 8`` too high or too low, and less for a step further away.
- **Swings inside the average**, which the readings do not show at all. A load that is idle for half
  of ``W`` and at full power, five times as much, for the other half moves the energy by up to a
  sixth of what is used in ``W``. How far loads swing depends on the time they have: fully in
  half a second, the time of a few iterations, and in proportion less in shorter windows. *That is
  an assumption*; with windows of 0.1 s it held on cards beside an external meter.
"""

STEP_FRACTION = 1 / 4
"""The range of a step's error, as a part of the step times the averaging window."""
SWING_FRACTION = 1 / 3
"""The range of the error of a full swing, as a part of the energy used in the window."""
FULL_SWING_S = 0.5
"""How long a load needs to swing fully."""


def hidden_range_j(window_s: float, step_w: float, power_w: float) -> float:
    """Over how much energy the truth at a moment is spread (J).

    Args:
        window_s: How long the gauge averages over.
        step_w: How much the readings change within an averaging window on either side.
        power_w: The power at the moment.
    """
    swing_w = SWING_FRACTION * power_w * min(1.0, window_s / FULL_SWING_S)
    return window_s * (STEP_FRACTION * step_w + swing_w)
