"""How many weights each layer keeps when a network is pruned at random before it trains.

Source: Erdos-Renyi ratios (ER) of Mocanu et al., Scalable training of artificial neural networks
with adaptive sparse connectivity; with the kernel's size (ERK) of Evci et al., Rigging the
lottery. A layer of ``n_in`` and ``n_out`` units has density ``min(1, eps (n_in + n_out) / (n_in
n_out))``, with eps such that the total is right: layers that would pass 1 are dense and the rest
is solved again.
"""

import math
from collections.abc import Sequence
from typing import Literal

from effmeter.errors import UsageError

Ratios = Literal["er", "erk", "uniform"]
Shape = tuple[int, ...]
"""Of a weight: outputs, inputs, and the kernel if there is one."""


def kept_counts(shapes: Sequence[Shape], density: float, ratios: Ratios) -> tuple[int, ...]:
    """The whole number of weights that each layer keeps.

    Their sum is the total of the weights times ``density``, rounded; what rounding leaves goes to
    the layers with the largest remainders.
    """
    sizes = [math.prod(shape) for shape in shapes]
    densities = layer_densities(shapes, density, ratios)
    wanted = [size * part for size, part in zip(sizes, densities, strict=True)]
    counts = [math.floor(want + 1e-9) for want in wanted]
    left = round(density * sum(sizes)) - sum(counts)
    by_remainder = sorted(range(len(sizes)), key=lambda n: counts[n] - wanted[n])
    for place in (n for n in by_remainder if counts[n] < sizes[n]):
        if left <= 0:
            break
        counts[place] += 1
        left -= 1
    return tuple(counts)


def layer_densities(shapes: Sequence[Shape], density: float, ratios: Ratios) -> tuple[float, ...]:
    """The density of each layer, all together ``density``."""
    if not 0.0 < density <= 1.0:
        raise UsageError(f"a density lies above 0 and up to 1, not {density}")
    sizes = [math.prod(shape) for shape in shapes]
    raw = [_raw_density(shape, ratios) for shape in shapes]
    dense: set[int] = set()
    while len(dense) < len(shapes):
        open_layers = [n for n in range(len(shapes)) if n not in dense]
        budget = density * sum(sizes) - sum(sizes[n] for n in dense)
        scale = budget / sum(raw[n] * sizes[n] for n in open_layers)
        saturated = {n for n in open_layers if scale * raw[n] > 1.0}
        if not saturated:
            return tuple(1.0 if n in dense else scale * r for n, r in enumerate(raw))
        dense |= saturated
    return (1.0,) * len(shapes)


def _raw_density(shape: Shape, ratios: Ratios) -> float:
    if ratios == "uniform":
        return 1.0
    outputs, inputs, *kernel = shape
    if ratios == "er":
        return (inputs + outputs) / (inputs * outputs)
    return (inputs + outputs + sum(kernel)) / math.prod(shape)
