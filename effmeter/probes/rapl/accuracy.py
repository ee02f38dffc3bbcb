"""What RAPL's figures can be off by, and the least that its domains draw."""

from effmeter.channel import Component

GAIN_ERROR_FRACTIONS = {Component.CPU: 0.03, Component.RAM: 0.2, Component.BOARD: 0.03}
"""Beside a meter, packages were off by up to 3 %, and memory of the DDR3 and DDR4 generations by 3
to 38 %. That of later memory is not known to be better."""
_LEAST_POWER_W = 0.1


def least_power_w(component: Component, *, is_part: bool) -> float:
    """What a domain draws at the least while the machine is awake (W).

    The deepest idle state leaves a laptop's package some tenths of a watt. Memory, graphics and
    cores may rest.
    """
    return 0.0 if is_part or component is Component.RAM else _LEAST_POWER_W
