"""Small data sets in the formats of the real ones, written into a folder."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.datasets.catalogue import DATASETS

MNIST = DATASETS["mnist"]
CIFAR10 = DATASETS["cifar10"]


def drawn(channels: int, size: int, count: int, seed: int = 0) -> LabelledArrays:
    """Images of noise whose labels go round the ten classes."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, channels, size, size), dtype=np.uint8)
    return LabelledArrays(images, np.arange(count) % 10)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_mnist(folder: Path, train: LabelledArrays, test: LabelledArrays, end: str = "") -> None:
    """Four IDX files; with ``end`` ".gz" gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("t10k", test)):
        for kind, array in (("images-idx3", part.images[:, 0]), ("labels-idx1", part.labels)):
            content = idx_bytes(array.astype(np.uint8))
            path = folder / f"{name}-{kind}-ubyte{end}"
            path.write_bytes(gzip.compress(content) if end else content)


def write_cifar(folder: Path, batches: list[LabelledArrays], test: LabelledArrays) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    for name, part in zip((*names, "test_batch.bin"), (*batches, test), strict=True):
        labels = part.labels.astype(np.uint8)[:, np.newaxis]
        records = np.hstack([labels, part.images.reshape(len(part), -1)])
        (folder / name).write_bytes(records.tobytes())


def encoded(image: NDArray[np.uint8]) -> dict[str, bytes | None]:
    """Pixels (C, H, W) as the PNG in a cell of a Hugging Face table."""
    from PIL import Image

    pixels = image.transpose(1, 2, 0).squeeze()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return {"bytes": buffer.getvalue(), "path": None}


def write_parquet(path: Path, part: LabelledArrays, image: str = "image") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [encoded(picture) for picture in part.images]
    pq.write_table(pa.table({image: cells, "label": part.labels}), path)
