"""The binary version of CIFAR-10 and CIFAR-100.

Source: Krizhevsky, The CIFAR-10 dataset, "Binary version": records of the label's bytes and 3072
pixels, the red plane first, each plane row by row.
"""

from pathlib import Path

import numpy as np

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays, joined

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


def read_cifar_batches(files: tuple[Path, ...], label_bytes: int) -> LabelledArrays:
    """Images (N, 3, 32, 32) of all files in order; DataSetError for a file of broken records."""
    return joined([_read_batch(file, label_bytes) for file in files])


def _read_batch(path: Path, label_bytes: int) -> LabelledArrays:
    content = np.fromfile(path, dtype=np.uint8)
    record = label_bytes + _PIXELS
    if not len(content) or len(content) % record:
        raise DataSetError(
            f"{path} has {len(content)} bytes, which is not a multiple of the record size {record}"
        )
    records = content.reshape(-1, record)
    images = records[:, label_bytes:].reshape(-1, *_SHAPE)
    return LabelledArrays(images, records[:, label_bytes - 1].astype(np.int64))
