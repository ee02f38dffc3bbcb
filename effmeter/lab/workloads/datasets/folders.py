"""Pictures in a folder for each class, as ImageNet is unpacked."""

from pathlib import Path

import numpy as np

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.layouts import FolderLayout
from effmeter.lab.workloads.datasets.pictures import pixels_of


def read_class_folders(
    files: tuple[Path, ...], layout: FolderLayout, dataset: Dataset
) -> LabelledArrays:
    """The pictures; the class is the place of its folder's name among those of the training part.

    DataSetError for a picture that cannot be read, or of a class that nothing is trained on.
    """
    numbers = {name: number for number, name in enumerate(_classes(files[0], layout))}
    strange = next((file for file in files if file.parent.name not in numbers), None)
    if strange is not None:
        raise DataSetError(f"{strange} belongs to a class that the training part does not have")
    pixels = np.stack([pixels_of(file, dataset, str(file)) for file in files])
    labels = np.array([numbers[file.parent.name] for file in files], dtype=np.int64)
    return LabelledArrays(pixels, labels)


def _classes(file: Path, layout: FolderLayout) -> list[str]:
    training = file.parents[2] / layout.train
    return sorted(folder.name for folder in training.iterdir() if folder.is_dir())
