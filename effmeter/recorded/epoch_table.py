"""The epochs of a run as a table."""

from collections.abc import Sequence

import pyarrow as pa

from effmeter.energy import Energy
from effmeter.recorded.records import RecordedEpoch

_FIXED = (
    ("run", pa.string()),
    ("epoch", pa.int64()),
    ("begin_s", pa.float64()),
    ("end_s", pa.float64()),
    ("duration_s", pa.float64()),
    ("energy_j", pa.float64()),
    ("energy_low_j", pa.float64()),
    ("energy_high_j", pa.float64()),
)


def table_of_epochs(run: str, run_begin_ns: int, epochs: Sequence[RecordedEpoch]) -> pa.Table:
    """One row an epoch; see ``RecordedRun.to_table``."""
    metrics = list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))
    rows = [(*_figures(run, run_begin_ns, epoch), *_logged(epoch, metrics)) for epoch in epochs]
    fixed = {name for name, _ in _FIXED}
    named = [(f"metric:{name}" if name in fixed else name, pa.float64()) for name in metrics]
    schema = pa.schema([*_FIXED, *named])
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(schema.types)]
    return pa.Table.from_arrays(columns, schema=schema)


def _figures(run: str, run_begin_ns: int, epoch: RecordedEpoch) -> tuple[object, ...]:
    begin_s, end_s = ((ns - run_begin_ns) * 1e-9 for ns in (epoch.begin_ns, epoch.end_ns))
    duration_s = (epoch.end_ns - epoch.begin_ns) * 1e-9
    return run, epoch.number, begin_s, end_s, duration_s, *_ends(epoch.energy)


def _ends(energy: Energy | None) -> tuple[float | None, ...]:
    if energy is None:
        return None, None, None
    return energy.value_j, energy.low_j, energy.high_j


def _logged(epoch: RecordedEpoch, metrics: Sequence[str]) -> list[float | None]:
    return [epoch.metrics.get(name) for name in metrics]
