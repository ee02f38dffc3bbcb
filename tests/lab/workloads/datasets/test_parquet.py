"""Parquet files of encoded images, local and through Hugging Face's library."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.loading import load_parts
from tests.lab.workloads.datasets.files import CIFAR10, MNIST, drawn, encoded, write_parquet

pytest.importorskip("PIL")

SHARDS = ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")


def write_mnist_tables(folder: Path) -> None:
    for seed, name in enumerate(SHARDS):
        write_parquet(folder / f"{name}.parquet", drawn(1, 28, 10, seed))


@pytest.mark.parametrize("place", [".", "mnist", "data", "mnist/data"])
def test_shards_are_found_and_read_in_order(tmp_path: Path, place: str) -> None:
    write_mnist_tables(tmp_path / place)
    train, test = load_parts(MNIST, tmp_path, download=False)
    expected = np.concatenate([drawn(1, 28, 10, seed).images for seed in (0, 1)])
    assert np.array_equal(train.images, expected)
    assert np.array_equal(train.labels, np.tile(np.arange(10), 2))
    assert np.array_equal(test.images, drawn(1, 28, 10, seed=2).images)


def test_colour_images_keep_their_planes(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_parquet(tmp_path / f"{name}.parquet", drawn(3, 32, 10), image="img")
    train, _ = load_parts(CIFAR10, tmp_path, download=False)
    assert np.array_equal(train.images, drawn(3, 32, 10).images)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"picture": [1], "label": [0]}, "has no column 'image'; it has picture, label"),
        ({"image": [encoded(drawn(1, 28, 1).images[0])]}, "has no column 'label'; it has image"),
        ({"image": [{"bytes": b"no image"}], "label": [0]}, "row 0 of .* is not a readable image"),
        ({"image": [{"path": "a.png"}], "label": [0]}, "row 0 of .* holds no image bytes"),
        ({"image": [None], "label": [0]}, "row 0 of .* holds no image bytes"),
        (
            {"image": [encoded(drawn(1, 9, 1).images[0])], "label": [0]},
            "row 0 of .* is an image of 9x9 pixels, not 28x28",
        ),
        (
            {"image": [encoded(drawn(1, 28, 1).images[0])], "label": ["seven"]},
            "column 'label' of .* does not hold whole numbers",
        ),
        (
            {"image": [encoded(drawn(1, 28, 1).images[0])], "label": pa.array([None], pa.int64())},
            "column 'label' of .* does not hold whole numbers",
        ),
    ],
)
def test_a_table_that_is_no_data_set_is_one_line(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    write_mnist_tables(tmp_path)
    pq.write_table(pa.table(columns), tmp_path / f"{SHARDS[2]}.parquet")
    with pytest.raises(DataSetError, match=message) as caught:
        load_parts(MNIST, tmp_path, download=False)
    assert "\n" not in str(caught.value)


def test_an_image_cut_short_is_one_line(tmp_path: Path) -> None:
    write_mnist_tables(tmp_path)
    content = encoded(drawn(1, 28, 1).images[0])["bytes"]
    assert content is not None
    table = pa.table({"image": [{"bytes": content[: len(content) // 2]}], "label": [0]})
    pq.write_table(table, tmp_path / f"{SHARDS[0]}.parquet")
    with pytest.raises(DataSetError, match=r"row 0 of .* is not a readable image"):
        load_parts(MNIST, tmp_path, download=False)


def test_a_truncated_table_is_one_line(tmp_path: Path) -> None:
    write_mnist_tables(tmp_path)
    path = tmp_path / f"{SHARDS[1]}.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataSetError, match=f"{path.name} is not a complete parquet file"):
        load_parts(MNIST, tmp_path, download=False)


def test_a_part_without_tables_is_named(tmp_path: Path) -> None:
    write_mnist_tables(tmp_path)
    (tmp_path / f"{SHARDS[2]}.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"test-\*.parquet does not exist"):
        load_parts(MNIST, tmp_path, download=False)


def test_a_missing_shard_is_missed(tmp_path: Path) -> None:
    write_mnist_tables(tmp_path)
    (tmp_path / f"{SHARDS[1]}.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="are 1 files; their names say 2"):
        load_parts(MNIST, tmp_path, download=False)


def test_a_whole_table_beside_its_shards_is_not_read_twice(tmp_path: Path) -> None:
    write_mnist_tables(tmp_path)
    write_parquet(tmp_path / "train.parquet", drawn(1, 28, 10))
    train, _ = load_parts(MNIST, tmp_path, download=False)
    assert len(train) == 20


HUB_PROGRAM = """
import sys
from dataclasses import replace
from effmeter.lab.workloads import DATASETS, Recipe, prepare
from effmeter.lab.workloads.datasets.loading import load_parts

mnist = DATASETS["mnist"]
_, layout = mnist.hub
train, test = load_parts(replace(mnist, hub=(sys.argv[1], layout)), None, True)
print(train.images.shape, train.images.sum(), test.labels.sum())
try:
    prepare(Recipe("lenet", "mnist", device="cpu", download=True))
except OSError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def read_from_hub(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a program without a network that reads a repository that is there (a folder
    stands in for it), and one that cannot be reached.
    """
    pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("hub")
    write_mnist_tables(folder / "repository")
    environ = {**os.environ, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", HUB_PROGRAM, str(folder / "repository")]
    finished = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


@pytest.mark.slow
def test_the_hub_is_read_through_its_own_library_where_that_is_allowed(
    read_from_hub: list[str],
) -> None:
    total = sum(int(drawn(1, 28, 10, seed).images.sum()) for seed in (0, 1))
    assert read_from_hub[0] == f"(20, 1, 28, 28) {total} 45"


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached_says_that_local_files_do(read_from_hub: list[str]) -> None:
    _, line = read_from_hub
    assert line.startswith("mnist cannot be downloaded from Hugging Face: ")
    assert line.endswith("or name a folder that holds its files (--data-dir)")
