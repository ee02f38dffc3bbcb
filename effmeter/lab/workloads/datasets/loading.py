"""From an entry of the catalogue to its images, wherever they come from."""

from pathlib import Path

import numpy as np

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.arrays import LabelledArrays, Parts
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.layouts import (
    CelebALayout,
    CifarLayout,
    FolderLayout,
    IdxLayout,
    Layout,
    ParquetLayout,
)


def load_parts(
    dataset: Dataset, data_dir: Path | None, download: bool, split_seed: int = 0
) -> Parts:
    """The data set's parts: its own, or of the digits those that ``split_seed`` draws.

    Local files where a folder is named, Hugging Face only if ``download`` allows it.
    FileNotFoundError where the files are not there, DataSetError where they are not what their
    names say, ImportError without the packages that read them.
    """
    if not dataset.needs_files:
        from effmeter.lab.workloads.datasets.digits import read_digits

        return read_digits(split_seed)
    if data_dir is not None:
        parts = _local_parts(dataset, data_dir)
    elif download:
        parts = _hub_parts(dataset)
    else:
        raise FileNotFoundError(f"no folder with the files of {dataset.name} is named")
    for part, name in zip(parts, ("training", "test"), strict=True):
        _check(part, dataset, f"the {name} part of {dataset.name}")
    return parts


def _local_parts(dataset: Dataset, data_dir: Path) -> Parts:
    own = data_dir / dataset.name
    folder = own if own.is_dir() else data_dir
    for layout in dataset.layouts:
        for place in layout.folders:
            if layout.is_in(folder / place):
                files = layout.files(folder / place)
                return Parts(*(_read(part, layout, dataset) for part in files))
    raise FileNotFoundError(_nothing_found(folder, dataset))


def _read(files: tuple[Path, ...], layout: Layout, dataset: Dataset) -> LabelledArrays:
    match layout:
        case IdxLayout():
            from effmeter.lab.workloads.datasets.idx import read_idx_pair

            return read_idx_pair(*files)
        case CifarLayout():
            from effmeter.lab.workloads.datasets.cifar_binary import read_cifar_batches

            return read_cifar_batches(files, layout.label_bytes)
        case ParquetLayout():
            from effmeter.lab.workloads.datasets.parquet import read_parquet

            return read_parquet(files, layout, dataset)
        case FolderLayout():
            from effmeter.lab.workloads.datasets.folders import read_class_folders

            return read_class_folders(files, layout, dataset)
        case CelebALayout():
            from effmeter.lab.workloads.datasets.celeba import read_celeba

            return read_celeba(files, dataset)


def _hub_parts(dataset: Dataset) -> Parts:
    from effmeter.lab.workloads.datasets.hugging_face import read_hub

    if dataset.hub is None:
        raise FileNotFoundError(f"{dataset.name} cannot be downloaded: name a folder of files")
    repository, layout = dataset.hub
    return read_hub(dataset, repository, layout)


def _check(part: LabelledArrays, dataset: Dataset, name: str) -> None:
    shape = (dataset.channels, dataset.image_size, dataset.image_size)
    if not len(part):
        raise DataSetError(f"{name} is empty")
    if part.images.shape[1:] != shape:
        raise DataSetError(f"{name} has images of {part.images.shape[1:]}, not {shape}")
    values = 2 if dataset.has_attributes else dataset.classes
    strange = np.setdiff1d(part.labels, np.arange(values))
    if len(strange):
        raise DataSetError(f"{name} has a label {strange[0]}; its classes are 0 to {values - 1}")


def _nothing_found(folder: Path, dataset: Dataset) -> str:
    """What was looked for; the pickled version of CIFAR is named, since it is never loaded."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    expected = " or ".join(layout.expected for layout in dataset.layouts)
    if any((folder / name).exists() for name in ("data_batch_1", "cifar-10-batches-py")):
        return (
            f"{folder} holds CIFAR's Python version, which is pickled and could run code when "
            f"loaded: take its binary version instead ({expected})"
        )
    return f"{folder} holds no files of {dataset.name}: looked for {expected}"
