"""Tables of encoded images and labels, as Hugging Face keeps them in parquet files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays, joined
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.layouts import ParquetLayout
from effmeter.lab.workloads.datasets.pictures import pixels_of


def read_parquet(
    files: tuple[Path, ...], layout: ParquetLayout, dataset: Dataset
) -> LabelledArrays:
    """The images and labels of all files in order; DataSetError names what is wrong with which."""
    return joined(
        [decoded(_read_table(file, layout), layout, dataset, str(file)) for file in files]
    )


def decoded(
    table: pa.Table, layout: ParquetLayout, dataset: Dataset, source: str
) -> LabelledArrays:
    """A table's images (N, C, H, W) and labels; ``source`` names it in a DataSetError."""
    labels = _labels(table, layout, source)
    images = [
        _pixels(cell.as_py(), dataset, f"row {number} of {source}")
        for number, cell in enumerate(table[layout.image])
    ]
    shape = (0, dataset.channels, dataset.image_size, dataset.image_size)
    stacked = np.stack(images) if images else np.empty(shape, dtype=np.uint8)
    return LabelledArrays(stacked, labels)


def _read_table(file: Path, layout: ParquetLayout) -> pa.Table:
    try:
        table = pq.read_table(file)
    except pa.ArrowInvalid as error:
        raise DataSetError(f"{file} is not a complete parquet file") from error
    columns = (layout.image, *_label_columns(layout))
    for column in columns:
        if column not in table.column_names:
            there = ", ".join(table.column_names)
            raise DataSetError(f"{file} has no column {column!r}; it has {there}")
    return table.select(columns)


def _pixels(cell: object, dataset: Dataset, place: str) -> NDArray[np.uint8]:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise DataSetError(f"{place} holds no image bytes")
    return pixels_of(content, dataset, place)


def _labels(table: pa.Table, layout: ParquetLayout, source: str) -> NDArray[np.int64]:
    """(N,), or (N, attributes) where each has a column."""
    columns = [_whole_numbers(table[name], name, source) for name in _label_columns(layout)]
    return columns[0] if isinstance(layout.label, str) else np.stack(columns, axis=1)


def _whole_numbers(column: pa.ChunkedArray, name: str, source: str) -> NDArray[np.int64]:
    is_number = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if column.null_count or not is_number:
        raise DataSetError(f"column {name!r} of {source} does not hold whole numbers")
    numbers: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return numbers


def _label_columns(layout: ParquetLayout) -> tuple[str, ...]:
    return (layout.label,) if isinstance(layout.label, str) else layout.label
