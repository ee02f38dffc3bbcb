"""How many students each scale trains."""

from dataclasses import dataclass

PAPER_RUNS, PAPER_ITERATIONS = 300, 3_500
LEAST_ITERATIONS = 20
"""Fewer have too few readings to smooth."""
_READINGS = 140
"""Of each curve: every 25 iterations of the paper's training."""


@dataclass(frozen=True, slots=True)
class StudentScale:
    """How much of the study is run."""

    name: str
    summary: str
    runs: int
    """Students of each approach for the curves."""
    trials: int
    """Students of each approach that are recorded for the energies."""
    iterations: int = PAPER_ITERATIONS

    @property
    def read_every(self) -> int:
        """After how many iterations the losses of the curves are read."""
        return max(1, self.iterations // _READINGS)


SCALES = {
    scale.name: scale
    for scale in (
        StudentScale(
            "tiny", "30 students of each approach, 5 recorded, minutes on two cores", 30, 5
        ),
        StudentScale("small", "100 students of each approach, 10 recorded", 100, 10),
        StudentScale(
            "full", "the paper's 300 students of each approach, 10 recorded", PAPER_RUNS, trials=10
        ),
    )
}
