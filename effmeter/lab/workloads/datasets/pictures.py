"""Encoded pictures (PNG, JPEG) of any size as the pixels that a data set is made of."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.catalogue import Dataset


def pixels_of(source: bytes | Path, dataset: Dataset, place: str) -> NDArray[np.uint8]:
    """Pixels (C, H, W) of an encoded picture, cropped and scaled as the data set says.

    DataSetError names ``place`` where it is no picture, or has another size than a data set whose
    pictures are not scaled; the size is checked before anything is decompressed.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            if dataset.crop is None:
                _check_size(image, dataset.image_size, place)
            planes = _scaled(image.convert("L" if dataset.channels == 1 else "RGB"), dataset)
    except (UnidentifiedImageError, OSError) as error:
        raise DataSetError(f"{place} is not a readable image") from error
    pixels = np.asarray(planes)
    return pixels.reshape(*pixels.shape[:2], dataset.channels).transpose(2, 0, 1)


def _scaled(image: Image.Image, dataset: Dataset) -> Image.Image:
    if dataset.crop is None:
        return image
    side = dataset.image_size
    return image.resize((side, side), Image.Resampling.BILINEAR, dataset.crop.box(*image.size))


def _check_size(image: Image.Image, size: int, place: str) -> None:
    if image.size != (size, size):
        width, height = image.size
        raise DataSetError(f"{place} is an image of {width}x{height} pixels, not {size}x{size}")
