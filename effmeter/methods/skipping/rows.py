"""Part of a batch: the rows that a method leaves, closed up so that nothing else is computed."""

from dataclasses import replace

from torch import Tensor

from effmeter.methods.method import Batch


def keep_rows(batch: Batch, kept: Tensor, fewest: int) -> Batch | None:
    """The rows where ``kept`` (rows,) bool holds; None if that is fewer than ``fewest``.

    A batch of which every row is kept comes back as the same object.
    """
    return take_rows(batch, kept.nonzero().flatten(), fewest)


def take_rows(batch: Batch, rows: Tensor, fewest: int) -> Batch | None:
    """The same with the rows to keep as rising numbers."""
    if len(rows) < max(fewest, 1):
        return None
    if len(rows) == len(batch):
        return batch
    return replace(
        batch,
        inputs=_taken(batch.inputs, rows),
        targets=_taken(batch.targets, rows),
        index=None if batch.index is None else _taken(batch.index, rows),
        weight=batch.weight * len(rows) / len(batch),
    )


def _taken(values: Tensor, rows: Tensor) -> Tensor:
    return values.index_select(0, rows.to(values.device))
