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
    from effmeter.errors import (
        EffmeterError,
        EffmeterWarning,
        MeasurementError,
        RecorderError,
        RunFileError,
        UsageError,
    )
    from effmeter.importers.calls import import_csv, import_mlperf
    from effmeter.reason import Reason, StopKind
    from effmeter.recorded.reading import read_run, read_runs
    from effmeter.recorded.records import RecordedEpoch, RecordedSpan
    from effmeter.recorded.run import RecordedRun
    from effmeter.status import DetailedStatus, Status
    from effmeter.stopping import (
        AllOf,
        AnyOf,
        Criterion,
        EnergyBudget,
        MaxEpochs,
        Once,
        Patience,
        Progress,
        TargetMetric,
    )
    from effmeter.tracking import Epoch, Run, Span, track

__version__ = "0.1.0"

_PUBLIC = {
    "AllOf": ("effmeter.stopping", "AllOf"),
    "AnyOf": ("effmeter.stopping", "AnyOf"),
    "Criterion": ("effmeter.stopping", "Criterion"),
    "DetailedStatus": ("effmeter.status", "DetailedStatus"),
    "EffmeterError": ("effmeter.errors", "EffmeterError"),
    "EffmeterWarning": ("effmeter.errors", "EffmeterWarning"),
    "Energy": ("effmeter.energy", "Energy"),
    "EnergyBudget": ("effmeter.stopping", "EnergyBudget"),
    "Epoch": ("effmeter.tracking", "Epoch"),
    "MaxEpochs": ("effmeter.stopping", "MaxEpochs"),
    "MeasurementError": ("effmeter.errors", "MeasurementError"),
    "Once": ("effmeter.stopping", "Once"),
    "Patience": ("effmeter.stopping", "Patience"),
    "Progress": ("effmeter.stopping", "Progress"),
    "Reason": ("effmeter.reason", "Reason"),
    "RecordedEpoch": ("effmeter.recorded.records", "RecordedEpoch"),
    "RecordedRun": ("effmeter.recorded.run", "RecordedRun"),
    "RecordedSpan": ("effmeter.recorded.records", "RecordedSpan"),
    "RecorderError": ("effmeter.errors", "RecorderError"),
    "Run": ("effmeter.tracking", "Run"),
    "RunFileError": ("effmeter.errors", "RunFileError"),
    "Span": ("effmeter.tracking", "Span"),
    "Status": ("effmeter.status", "Status"),
    "StopKind": ("effmeter.reason", "StopKind"),
    "TargetMetric": ("effmeter.stopping", "TargetMetric"),
    "UsageError": ("effmeter.errors", "UsageError"),
    "efficiency": ("effmeter.analysis.efficiency", "efficiency_of"),
    "import_csv": ("effmeter.importers.calls", "import_csv"),
    "import_mlperf": ("effmeter.importers.calls", "import_mlperf"),
    "read_run": ("effmeter.recorded.reading", "read_run"),
    "read_runs": ("effmeter.recorded.reading", "read_runs"),
    "track": ("effmeter.tracking", "track"),
}
"""Each public name with its module and its name there."""

__all__ = [
    "AllOf",
    "AnyOf",
    "Criterion",
    "DetailedStatus",
    "EffmeterError",
    "EffmeterWarning",
    "Energy",
    "EnergyBudget",
    "Epoch",
    "MaxEpochs",
    "MeasurementError",
    "Once",
    "Patience",
    "Progress",
    "Reason",
    "RecordedEpoch",
    "RecordedRun",
    "RecordedSpan",
    "RecorderError",
    "Run",
    "RunFileError",
    "Span",
    "Status",
    "StopKind",
    "TargetMetric",
    "UsageError",
    "__version__",
    "efficiency",
    "import_csv",
    "import_mlperf",
    "read_run",
    "read_runs",
    "track",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'effmeter' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
