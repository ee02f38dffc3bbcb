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

from typing import TYPE_CHECKING, NamedTuple

from effmeter.energy.confidence import coverings_j

if TYPE_CHECKING:
    from effmeter.energy.part_time import Values

STEP_FRACTION = 1 / 4
"""The range of a step's error, as a part of the step times the averaging window."""
SWING_FRACTION = 1 / 3
"""The range of a full swing's error, as a part of the energy used in the averaging window."""
FULL_SWING_S = 0.5
"""How long a load needs to swing fully."""


class Surroundings(NamedTuple):
    """The readings around boundaries (n,)."""

    power_w: "Values"
    """At the boundary."""
    step_w: "Values"
    """How much they differ within an averaging window on either side."""


def hidden_j(window_s: float, begin: Surroundings, end: Surroundings) -> "Values":
    """Half-widths that hold what the average hides at both ends of windows (J).

    Args:
        window_s: How long the gauge averages over.
        begin: The readings around their beginnings.
        end: The readings around their ends.
    """
    swing = SWING_FRACTION * min(1.0, window_s / FULL_SWING_S)
    begin_w, end_w = (STEP_FRACTION * at.step_w + swing * at.power_w for at in (begin, end))
    return coverings_j(window_s * begin_w, window_s * end_w)
