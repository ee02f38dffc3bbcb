"""The method as the paper uses it, and its control."""

from effmeter.lab.studies.comparison import Arm
from effmeter.lab.studies.variant import Variant

SSPROP = "ssprop:drop=0.8"
"""On alternate epochs, so 0.4 on average."""
RANDOM = f"{SSPROP},selection=random"


def ssprop_arms(dense: Variant, *more_controls: Variant) -> tuple[Arm, ...]:
    """The method beside random channels; ``more_controls`` are trainings of as much work."""
    random = dense.using(RANDOM)
    return (
        Arm("ssProp", dense.using(SSPROP), (random, *more_controls)),
        Arm("random channels", random),
    )
