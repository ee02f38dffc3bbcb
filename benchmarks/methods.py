"""Training steps with each method, beside dense ones: whether the work it skips is time saved."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.figures import Figure, Result, counted, paired
from benchmarks.surroundings import Surroundings, run

NAME = "methods"
TITLE = "a training step with a method, beside a dense one"

Part = Literal["step", "forward", "backward"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A method, by its text, and the parts of a step that it means to shorten."""

    method: str
    parts: tuple[Part, ...] = ("step", "backward")
    steps: int = 1
    """In one turn: a whole cycle of its schedule."""
    warm_up: int = 1
    """Steps before the first turn that is timed."""
    skipped_layers_fraction: float = 0.0
    """Of a method that skips layers: from the input on, in every step that is timed."""
    draws_batches: bool = False
    """Of a method that skips whole batches at random: no two rounds hold the same work."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A network and a batch of noise to train it on, with the methods to try there."""

    title: str
    model: str
    batch: int
    entries: tuple[Entry, ...]


CONVOLUTIONS = (
    Entry("ssprop:drop=0.8,schedule=constant"),
    Entry("ssprop:drop=0.8,schedule=constant,backend=img2col"),
    Entry("ssprop:drop=0.8,schedule=constant,selection=random"),
    Entry("zero-gradient:schedule=all"),
    Entry("random-gradient:schedule=all"),
    Entry("max-gradient:schedule=all"),
)
SKIPPING = (
    Entry("gskip", skipped_layers_fraction=0.5),
    Entry("deadhorse:policy=sddh,threshold=0,probability=0.7"),
    Entry(
        "deadhorse:policy=hsddh,threshold=0,probability=0.7,revisit_every=1000",
        ("step", "forward", "backward"),
    ),
    Entry("random-skipping:level=sample,rate=0.7", ("step", "forward", "backward")),
    Entry("random-skipping:level=batch", ("step",), steps=4, draws_batches=True),
    Entry("e2-train", ("step",), steps=4, draws_batches=True),
)
"""DeadHorse reactive and predictive with 30 % of the rows kept: noise cannot be learned, so
the threshold lets all pass and chance chooses."""
UNITS = (Entry("meprop:k=30,scope=batch"), Entry("meprop:k=30"))

WORKLOADS = (
    Workload("ResNet-18, batch 64", "resnet18", 64, CONVOLUTIONS + SKIPPING),
    Workload("perceptron 3072-2048-2048-10, batch 64", "perceptron", 64, UNITS),
)
QUICK = (
    Workload("ResNet-20, batch 8", "resnet20", 8, CONVOLUTIONS + SKIPPING),
    Workload("perceptron 3072-2048-2048-10, batch 4", "perceptron", 4, UNITS),
)


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Rounds in which a dense turn stands beside one of each method, forwards and backwards."""
    rounds = 2 if quick else 5
    floor: list[Figure] = []
    figures: list[Figure] = []
    facts: dict[str, str | float] = {}
    for workload in QUICK if quick else WORKLOADS:
        tell(f"{rounds} rounds of {len(workload.entries)} methods on {workload.title}")
        answer = run("method_steps", {**asdict(workload), "rounds": rounds}, place.environ)
        facts[workload.title] = answer["device"]
        for entry, turns in zip(workload.entries, answer["methods"], strict=True):
            for part in entry.parts:
                promised = _counted(entry, part, turns)
                timed = _timed(entry, part, turns["rounds"])
                floor.append(promised)
                figures.append(timed)
                facts[timed.name] = _in_words(promised, _speed_up(entry, part, turns["rounds"]))
    return Result(NAME, TITLE, tuple(floor), tuple(figures), facts)


def _counted(entry: Entry, part: Part, turns: Mapping[str, Any]) -> Figure:
    executed, dense = (turns["gflops"][kind][part] for kind in ("executed", "dense"))
    return counted(f"{entry.method}, {part}", "GFLOP", executed, "dense", dense)


def _timed(entry: Entry, part: Part, rounds: Sequence[Mapping[str, Any]]) -> Figure:
    here, dense = (list(_times_ms(rounds, kind, part)) for kind in ("method", "dense"))
    return paired(f"{entry.method}, {part}", "ms", here, "dense", dense, with_interval=True)


def _times_ms(rounds: Sequence[Mapping[str, Any]], kind: str, part: Part) -> Iterator[float]:
    return (turn[kind][part] * 1e-6 for turn in rounds)


def _speed_up(entry: Entry, part: Part, rounds: Sequence[Mapping[str, Any]]) -> float:
    """By the median of the rounds; where each draws which batches run, by all together.

    A round of few rows may have run nothing.
    """
    here, dense = (list(_times_ms(rounds, kind, part)) for kind in ("method", "dense"))
    if entry.draws_batches:
        return sum(dense) / sum(here)
    return 1 / statistics.median(h / d for d, h in zip(dense, here, strict=True))


def _in_words(promised: Figure, speed_up: float) -> str:
    promise = 1 / promised.ratio.median
    return f"{speed_up:.2f}x as fast as dense; its FLOPs promise {promise:.2f}x"
