"""Training-acceleration methods, for a loop of one's own.

::

    from effmeter.methods import Batch, SsProp

    method = SsProp(drop=0.8)
    with method.attach(model, optimizer):
        ...

``effmeter.methods.method`` shows the whole loop. Names load when they are used: importing this
package loads no PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from effmeter.methods.combined import Combined
    from effmeter.methods.flops.counter import work_per_iteration
    from effmeter.methods.flops.work import Work
    from effmeter.methods.gradients.gradient_approximation import (
        MaxGradient,
        RandomGradient,
        ZeroGradient,
    )
    from effmeter.methods.gradients.meprop import MeProp
    from effmeter.methods.gradients.ssprop import SsProp
    from effmeter.methods.method import AttachError, Batch, Dense, Method
    from effmeter.methods.registry import method_names, parse_method
    from effmeter.methods.skipping.deadhorse import DeadHorse
    from effmeter.methods.skipping.gskip import GSkip
    from effmeter.methods.skipping.random_skipping import RandomSkipping
    from effmeter.methods.skipping.selection import E2Train
    from effmeter.methods.structure.growing.gradmax import GradMax
    from effmeter.methods.structure.growing.growth import RandomGrowth
    from effmeter.methods.structure.pruning.filters import FilterPruning, RandomFilterPruning
    from effmeter.methods.structure.pruning.unstructured import ErPruning

__all__ = [
    "AttachError",
    "Batch",
    "Combined",
    "DeadHorse",
    "Dense",
    "E2Train",
    "ErPruning",
    "FilterPruning",
    "GSkip",
    "GradMax",
    "MaxGradient",
    "MeProp",
    "Method",
    "RandomFilterPruning",
    "RandomGradient",
    "RandomGrowth",
    "RandomSkipping",
    "SsProp",
    "Work",
    "ZeroGradient",
    "method_names",
    "parse_method",
    "work_per_iteration",
]

_HOMES = {
    "AttachError": "method",
    "Batch": "method",
    "Combined": "combined",
    "DeadHorse": "skipping.deadhorse",
    "Dense": "method",
    "E2Train": "skipping.selection",
    "ErPruning": "structure.pruning.unstructured",
    "FilterPruning": "structure.pruning.filters",
    "GSkip": "skipping.gskip",
    "GradMax": "structure.growing.gradmax",
    "MaxGradient": "gradients.gradient_approximation",
    "MeProp": "gradients.meprop",
    "Method": "method",
    "RandomFilterPruning": "structure.pruning.filters",
    "RandomGradient": "gradients.gradient_approximation",
    "RandomGrowth": "structure.growing.growth",
    "RandomSkipping": "skipping.random_skipping",
    "SsProp": "gradients.ssprop",
    "Work": "flops.work",
    "ZeroGradient": "gradients.gradient_approximation",
    "method_names": "registry",
    "parse_method": "registry",
    "work_per_iteration": "flops.counter",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
