"""effmeter measures what training costs in energy and relates it to what was learned.

::

    with effmeter.track("lenet-1", labels={"architecture": "lenet", "size": 1}) as run:
        for epoch in run.epochs(stop=[effmeter.MaxEpochs(50), effmeter.EnergyBudget("100 kJ")]):
            train_one_epoch()
            epoch.log(accuracy=evaluate())
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError("effmeter runs on Linux and macOS; on Windows, use it inside WSL")

if TYPE_CHECKING:
    from effmeter.energy import Energy
    from effmeter.errors import EffmeterError, EffmeterWarning, UsageError
    from effmeter.recorded.reading import read_run
    from effmeter.stopping import EnergyBudget, MaxEpochs, Patience, TargetMetric
    from effmeter.tracking.run import Epoch, Run
    from effmeter.tracking.tracker import track

__version__ = "0.1.0"

_HOMES = {
    "EffmeterError": "errors",
    "EffmeterWarning": "errors",
    "Energy": "energy",
    "EnergyBudget": "stopping",
    "Epoch": "tracking.run",
    "MaxEpochs": "stopping",
    "Patience": "stopping",
    "Run": "tracking.run",
    "TargetMetric": "stopping",
    "UsageError": "errors",
    "read_run": "recorded.reading",
    "track": "tracking.tracker",
}

__all__ = [
    "EffmeterError",
    "EffmeterWarning",
    "Energy",
    "EnergyBudget",
    "Epoch",
    "MaxEpochs",
    "Patience",
    "Run",
    "TargetMetric",
    "UsageError",
    "__version__",
    "read_run",
    "track",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'effmeter' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"effmeter.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
