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
    from effmeter.analysis.efficiency import efficiency_of as efficiency
    from effmeter.energy import Energy
    from effmeter.errors import EffmeterError, EffmeterWarning, UsageError
    from effmeter.recorded.reading import read_run, read_runs
    from effmeter.recorded.records import RecordedEpoch, RecordedSpan
    from effmeter.recorded.run import RecordedRun
    from effmeter.stopping import EnergyBudget, MaxEpochs, Patience, TargetMetric
    from effmeter.tracking.run import Epoch, Run
    from effmeter.tracking.tracker import track

__version__ = "0.1.0"

_HOMES = {
    "EffmeterError": ("errors", "EffmeterError"),
    "EffmeterWarning": ("errors", "EffmeterWarning"),
    "Energy": ("energy", "Energy"),
    "EnergyBudget": ("stopping", "EnergyBudget"),
    "Epoch": ("tracking.run", "Epoch"),
    "MaxEpochs": ("stopping", "MaxEpochs"),
    "Patience": ("stopping", "Patience"),
    "RecordedEpoch": ("recorded.records", "RecordedEpoch"),
    "RecordedRun": ("recorded.run", "RecordedRun"),
    "RecordedSpan": ("recorded.records", "RecordedSpan"),
    "Run": ("tracking.run", "Run"),
    "TargetMetric": ("stopping", "TargetMetric"),
    "UsageError": ("errors", "UsageError"),
    "efficiency": ("analysis.efficiency", "efficiency_of"),
    "read_run": ("recorded.reading", "read_run"),
    "read_runs": ("recorded.reading", "read_runs"),
    "track": ("tracking.tracker", "track"),
}

__all__ = [
    "EffmeterError",
    "EffmeterWarning",
    "Energy",
    "EnergyBudget",
    "Epoch",
    "MaxEpochs",
    "Patience",
    "RecordedEpoch",
    "RecordedRun",
    "RecordedSpan",
    "Run",
    "TargetMetric",
    "UsageError",
    "__version__",
    "efficiency",
    "read_run",
    "read_runs",
    "track",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'effmeter' has no attribute {name!r}")
    home, attribute = _HOMES[name]
    value = getattr(importlib.import_module(f"effmeter.{home}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
