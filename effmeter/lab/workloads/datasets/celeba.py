"""CelebA as its makers distribute it: a folder of pictures and two lists.

Source: Liu et al., Deep learning face attributes in the wild; its README: the first line of
``list_attr_celeba.txt`` is the number of pictures, the second names the 40 attributes, then each
line holds a file name and 1 or -1 for every attribute.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.pictures import pixels_of

_VALUES = {"-1": 0, "1": 1}


def read_celeba(files: tuple[Path, ...], dataset: Dataset) -> LabelledArrays:
    """The pictures with labels (N, 40) of 0 and 1; the first file is the list of attributes.

    DataSetError names a line that is none, or a picture that is not listed or cannot be read.
    """
    attributes_file, *pictures = files
    attributes = _attributes(attributes_file, dataset.classes)
    missing = next((file for file in pictures if file.name not in attributes), None)
    if missing is not None:
        raise DataSetError(f"{attributes_file} has no line for {missing.name}")
    return LabelledArrays(
        np.stack([pixels_of(file, dataset, str(file)) for file in pictures]),
        np.stack([attributes[file.name] for file in pictures]),
    )


def _attributes(path: Path, count: int) -> dict[str, NDArray[np.int64]]:
    lines = path.read_text().splitlines()[2:]
    return dict(
        _line(line, count, f"line {place} of {path}") for place, line in enumerate(lines, 3)
    )


def _line(line: str, count: int, place: str) -> tuple[str, NDArray[np.int64]]:
    name, *values = line.split() or [""]
    if len(values) != count or not _VALUES.keys() >= set(values):
        raise DataSetError(f"{place} is not a file name with {count} attributes of 1 or -1")
    return name, np.array([_VALUES[value] for value in values], dtype=np.int64)
