"""Training steps of a network whose filters were pruned to a quarter, beside the whole network."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.figures import Figure, Result, counted, paired
from benchmarks.surroundings import Surroundings, run

NAME = "pruning"
TITLE = "a training step after filters were pruned to a quarter"
MODELS = {"vgg11": 64, "wrn28-1": 64}
"""With the rows of a batch."""
WHOLE, PRUNED = "dense", "filter-pruning:start=1,every=1,steps=1"
WHOLE_NETWORK = "the whole network"


def measure(place: Surroundings, quick: bool, tell: Callable[[str], None]) -> Result:
    """Processes of the whole and of the pruned network, in turn."""
    rounds, steps = (2, 3) if quick else (6, 6)
    floor: list[Figure] = []
    figures: list[Figure] = []
    facts: dict[str, str | float] = {}
    for model, batch in {"wrn28-1": 4}.items() if quick else MODELS.items():
        tell(f"{rounds} rounds of {model}")
        settings = {"model": model, "batch": batch, "steps": steps}
        answer: dict[str, list[Mapping[str, Any]]] = {WHOLE: [], PRUNED: []}
        for number in range(rounds):
            for method in (WHOLE, PRUNED) if number % 2 else (PRUNED, WHOLE):
                turn = run("pruned_steps", {**settings, "method": method}, place.environ)
                answer[method].append(turn)
        title = f"{model}, batch {batch}"
        floor += _counted(title, answer)
        figures += _measured(title, answer)
        facts[title] = answer[WHOLE][0]["device"]
    return Result(NAME, TITLE, tuple(floor), tuple(figures), facts)


def _counted(title: str, answer: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Figure]:
    pruned, whole = answer[PRUNED][0], answer[WHOLE][0]
    for key, unit, scale in (("weights", "million", 1e-6), ("flops", "GFLOP", 1e-9)):
        here, bare = pruned[key] * scale, whole[key] * scale
        yield counted(f"{key}, {title}", unit, here, WHOLE_NETWORK, bare)


def _measured(title: str, answer: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Figure]:
    for name, key, unit, scale in (
        ("a step", "step_ns", "ms", 1e-6),
        ("peak memory", "peak_bytes", "MiB", 2**-20),
    ):
        here, bare = ([turn[key] * scale for turn in answer[kind]] for kind in (PRUNED, WHOLE))
        yield paired(f"{name}, {title}", unit, here, WHOLE_NETWORK, bare, with_interval=True)
