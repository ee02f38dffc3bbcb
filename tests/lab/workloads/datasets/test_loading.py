"""Local files of every format: read back as written, and one line for each thing wrong."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from effmeter.errors import DataSetError, UnfitError
from effmeter.lab.workloads import Recipe, prepare
from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.datasets.catalogue import DATASETS, Dataset
from effmeter.lab.workloads.datasets.loading import load_parts
from tests.lab.workloads.datasets.files import (
    CIFAR10,
    MNIST,
    drawn,
    idx_bytes,
    write_cifar,
    write_mnist,
)

TRAIN, TEST = drawn(1, 28, 20), drawn(1, 28, 10, seed=1)
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def assert_same(read: LabelledArrays, written: LabelledArrays) -> None:
    assert np.array_equal(read.images, written.images)
    assert np.array_equal(read.labels, written.labels)
    assert (read.images.dtype, read.labels.dtype) == (np.dtype(np.uint8), np.dtype(np.int64))


def assert_refused(
    folder: Path, message: str, dataset: Dataset = MNIST, error: type[Exception] = DataSetError
) -> None:
    with pytest.raises(error, match=message) as caught:
        load_parts(dataset, folder, download=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("place", [".", "MNIST/raw", "raw", "mnist", "mnist/MNIST/raw"])
def test_idx_files_are_found_and_read(tmp_path: Path, end: str, place: str) -> None:
    write_mnist(tmp_path / place, TRAIN, TEST, end)
    train, test = load_parts(MNIST, tmp_path, download=False)
    assert_same(train, TRAIN)
    assert_same(test, TEST)


@pytest.mark.parametrize("place", [".", "cifar-10-batches-bin", "cifar10"])
def test_cifar_batches_are_read_in_their_order(tmp_path: Path, place: str) -> None:
    batches = [drawn(3, 32, 4, seed) for seed in range(5)]
    write_cifar(tmp_path / place, batches, drawn(3, 32, 10))
    train, test = load_parts(CIFAR10, tmp_path, download=False)
    assert np.array_equal(train.images, np.concatenate([batch.images for batch in batches]))
    assert np.array_equal(train.labels, np.tile([0, 1, 2, 3], 5))
    assert_same(test, drawn(3, 32, 10))


def test_a_training_runs_on_local_files(tmp_path: Path) -> None:
    batches = [drawn(3, 32, 10, seed) for seed in range(5)]
    write_cifar(tmp_path, batches, drawn(3, 32, 10))
    logged: list[dict[str, float]] = []

    def log(_: int, /, **metrics: float) -> None:
        logged.append(metrics)

    recipe = Recipe("lenet", "cifar10", data_dir=tmp_path, device="cpu", folds=6, fold=3)
    training = prepare(recipe)
    training.run(range(1), log)
    assert (len(training.data.train), len(training.data.test)) == (50, 10)
    assert logged[0].keys() == {"loss", "train_accuracy", "accuracy"}


def test_a_fold_without_a_class_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, TRAIN, TEST)
    recipe = Recipe("lenet", "mnist", data_dir=tmp_path, device="cpu", folds=6, fold=6)
    with pytest.raises(UnfitError, match=r"no image of class \d in fold 6 of 6: .* 3 in all"):
        prepare(recipe)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "not an IDX file: it begins with nothing"),
        (lambda content: b"PK\x03\x04" + content, "not an IDX file: it begins with 50 4b 03 04"),
        (lambda content: b"\0\0\x0d" + content[3:], "values of type 0x0d; images and labels"),
        (lambda content: content[:-1], r"has \d+ bytes; its header says \d+"),
        (lambda content: content[:9], "has 9 bytes, not the 16 of its header"),
        (lambda content: content + b"\0", "bytes; its header says"),
        (lambda content: idx_bytes(TRAIN.images), "has 4 dimensions; images have 3"),
        (lambda content: idx_bytes(TRAIN.images[:9, 0]), "9 images, train-labels-idx1-ubyte 20"),
        (lambda content: idx_bytes(TRAIN.images[:, 0, :8, :8]), r"images of \(1, 8, 8\), not"),
    ],
)
def test_a_damaged_file_of_images_is_one_line(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    write_mnist(tmp_path, TRAIN, TEST)
    path = tmp_path / IMAGES
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(tmp_path, message)


def test_labels_must_be_a_row_of_known_classes(tmp_path: Path) -> None:
    write_mnist(tmp_path, TRAIN, TEST)
    (tmp_path / LABELS).write_bytes(idx_bytes(TRAIN.images[:, 0]))
    assert_refused(tmp_path, "has 3 dimensions; labels have 1")
    (tmp_path / LABELS).write_bytes(idx_bytes(np.full(20, 10, dtype=np.uint8)))
    assert_refused(tmp_path, "training part of mnist has a label 10; its classes are 0 to 9")


def test_a_part_without_images_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, TRAIN.chosen(np.arange(0)), TEST)
    assert_refused(tmp_path, "the training part of mnist is empty")


def test_a_header_that_promises_too_much_costs_no_memory(tmp_path: Path) -> None:
    write_mnist(tmp_path, TRAIN, TEST)
    (tmp_path / IMAGES).write_bytes(struct.pack(">HBB3I", 0, 8, 3, *(3 * [2**32 - 1])))
    assert_refused(tmp_path, "has 16 bytes; its header says")


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03truncated"])
def test_a_damaged_gzip_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    write_mnist(tmp_path, TRAIN, TEST, ".gz")
    (tmp_path / f"{IMAGES}.gz").write_bytes(content)
    assert_refused(
        tmp_path, f"{IMAGES}.gz is not a complete gzip file|{IMAGES}.gz is not an IDX file"
    )


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3074)])
def test_a_cifar_batch_of_broken_records_is_one_line(tmp_path: Path, content: bytes) -> None:
    write_cifar(tmp_path, [drawn(3, 32, 2)] * 5, drawn(3, 32, 2))
    (tmp_path / "data_batch_3.bin").write_bytes(content)
    message = (
        rf"data_batch_3.bin has {len(content)} bytes, .* not a multiple of the record size 3073"
    )
    assert_refused(tmp_path, message, CIFAR10)


def test_a_gzipped_cifar_batch_is_not_taken_for_one(tmp_path: Path) -> None:
    write_cifar(tmp_path, [drawn(3, 32, 2)] * 5, drawn(3, 32, 2))
    (tmp_path / "test_batch.bin").rename(tmp_path / "test_batch.bin.gz")
    assert_refused(tmp_path, "test_batch.bin does not exist", CIFAR10, FileNotFoundError)


def test_data_that_come_with_a_package_pay_no_heed_to_a_folder(tmp_path: Path) -> None:
    train, test = load_parts(DATASETS["digits"], tmp_path, download=False)
    assert (len(train), len(test)) == (1437, 360)


@pytest.mark.parametrize("missing", [IMAGES, LABELS, "t10k-labels-idx1-ubyte"])
def test_a_missing_file_among_others_is_named(tmp_path: Path, missing: str) -> None:
    write_mnist(tmp_path, TRAIN, TEST)
    (tmp_path / missing).unlink()
    assert_refused(tmp_path, f"{missing} does not exist", error=FileNotFoundError)


def test_a_folder_without_the_files_says_what_was_looked_for(tmp_path: Path) -> None:
    assert_refused(
        tmp_path,
        r"holds no files of mnist: looked for train-images-idx3-ubyte .* or train-\*.parquet",
        error=FileNotFoundError,
    )
    assert_refused(tmp_path / "nowhere", "there is no folder", error=FileNotFoundError)


@pytest.mark.parametrize("name", ["data_batch_1", "cifar-10-batches-py"])
def test_the_pickled_version_is_never_loaded_and_the_other_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert_refused(
        tmp_path, "could run code when loaded: take its binary", CIFAR10, FileNotFoundError
    )


def test_nothing_is_downloaded_unasked() -> None:
    with pytest.raises(FileNotFoundError, match="no folder with the files of mnist is named"):
        load_parts(MNIST, None, download=False)
