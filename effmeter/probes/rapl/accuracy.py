"""What RAPL's figures can be off by, and the least that its domains draw.

Proportional errors against instruments at the supply rails: packages were read 2.9 % high under
load on Haswell-EP; memory 16 % high on a desktop and 38 % on an idle server (DDR3, DDR4).
"""

from effmeter.channel import Component

GAIN_ERROR_FRACTIONS = {Component.CPU: 0.03, Component.RAM: 0.20, Component.BOARD: 0.05}
"""By component; that of the platform is assumed."""


def least_power_w(component: Component, *, is_part: bool) -> float:
    """What the domain draws while the machine is awake, at the least (W).

    The deepest idle state leaves a laptop's package some tenths of a watt. Memory, graphics and
    cores may rest.
    """
    if is_part or component is Component.RAM:
        return 0.0
    return 0.05
