"""The IDX format of MNIST, also gzipped.

Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, "File formats": two
zero bytes, the type of the values, the number of dimensions, each dimension as a big-endian
32-bit integer, then the values in C order.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays

_UNSIGNED_BYTE = 0x08


def read_idx_pair(images_file: Path, labels_file: Path) -> LabelledArrays:
    """Images (N, 1, H, W) and their labels; DataSetError where the two files do not match."""
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3:
        raise DataSetError(f"{images_file} has {images.ndim} dimensions; images have 3")
    if labels.ndim != 1:
        raise DataSetError(f"{labels_file} has {labels.ndim} dimensions; labels have 1")
    if len(images) != len(labels):
        raise DataSetError(
            f"{images_file} holds {len(images)} images, {labels_file.name} {len(labels)} labels"
        )
    return LabelledArrays(images[:, np.newaxis], labels.astype(np.int64))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in a file; DataSetError where it is damaged or no IDX file."""
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataSetError(
            f"{path} is not an IDX file: it begins with {content[:4].hex(' ') or 'nothing'}"
        )
    if content[2] != _UNSIGNED_BYTE:
        raise DataSetError(
            f"{path} holds values of type {content[2]:#04x}; images and labels are 0x08"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataSetError(f"{path} has {len(content)} bytes, not the {start} of its header")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DataSetError(f"{path} has {len(content)} bytes; its header says {expected}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataSetError(f"{path} is not a complete gzip file: {error}") from error
