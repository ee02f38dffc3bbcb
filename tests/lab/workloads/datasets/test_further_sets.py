"""FashionMNIST and CIFAR-100: the formats of MNIST and CIFAR-10 with other names."""

from pathlib import Path

import numpy as np
import pytest

from effmeter.lab.workloads.datasets.catalogue import DATASETS
from effmeter.lab.workloads.datasets.loading import load_parts
from tests.lab.workloads.datasets.files import drawn, write_mnist


@pytest.mark.parametrize("place", [".", "FashionMNIST/raw", "raw", "fashion-mnist"])
def test_clothing_is_read_from_idx_files(tmp_path: Path, place: str) -> None:
    written = drawn(1, 28, 20), drawn(1, 28, 10, seed=1)
    write_mnist(tmp_path / place, *written, ".gz")
    for read, part in zip(
        load_parts(DATASETS["fashion-mnist"], tmp_path, download=False), written, strict=True
    ):
        assert np.array_equal(read.images, part.images)
        assert np.array_equal(read.labels, part.labels)


@pytest.mark.parametrize("place", [".", "cifar-100-binary", "cifar100"])
def test_a_hundred_classes_are_told_by_their_fine_label(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    images = drawn(3, 32, 5).images
    for name in ("train.bin", "test.bin"):
        labels = np.array([[19, fine] for fine in (0, 99, 50, 1, 2)], dtype=np.uint8)
        (folder / name).write_bytes(np.hstack([labels, images.reshape(5, -1)]).tobytes())
    train, test = load_parts(DATASETS["cifar100"], tmp_path, download=False)
    assert np.array_equal(train.images, images)
    assert train.labels.tolist() == test.labels.tolist() == [0, 99, 50, 1, 2]
