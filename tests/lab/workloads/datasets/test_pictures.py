"""CelebA and ImageNet, whose pictures are cropped and scaled, in folders and as tables."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from effmeter.errors import DataSetError
from effmeter.lab.workloads.datasets.attributes import CELEBA_ATTRIBUTES
from effmeter.lab.workloads.datasets.catalogue import DATASETS
from effmeter.lab.workloads.datasets.crops import CentredSquare, FixedSquare, WholePicture
from effmeter.lab.workloads.datasets.loading import load_parts

Image = pytest.importorskip("PIL.Image")

CELEBA, FACES = DATASETS["celeba"], DATASETS["celeba-faces"]
IMAGENET = DATASETS["imagenet"]
PARTS = {"train": "0", "valid": "1", "test": "2"}


def save(path: Path, value: int, size: tuple[int, int] = (178, 218)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


def attributes_of(number: int) -> list[int]:
    """One attribute is there, the others are not."""
    return [int(place == number % 40) for place in range(40)]


def write_celeba(folder: Path) -> None:
    """Two pictures for training, one for validation, one for testing."""
    attributes = ["4", " ".join(CELEBA_ATTRIBUTES)]
    partition = []
    for number, part in enumerate(["train", "valid", "train", "test"]):
        name = f"{number:06}.jpg"
        save(folder / "img_align_celeba" / name, 40 * number)
        attributes.append(f"{name} " + " ".join(str(2 * a - 1) for a in attributes_of(number)))
        partition.append(f"{name} {PARTS[part]}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")


def write_imagenet(folder: Path) -> None:
    for part in ("train", "val"):
        for number, name in enumerate(["n01", "n02", "n10"]):
            save(folder / part / name / f"{name}_{part}.JPEG", 50 * number, (90 + number, 70))


def test_faces_are_read_with_their_attributes(tmp_path: Path) -> None:
    write_celeba(tmp_path / "celeba")
    train, test = load_parts(CELEBA, tmp_path, download=False)
    assert train.images.shape == (2, 3, 64, 64)
    assert train.images[:, 0, 0, 0].tolist() == [0, 80]
    assert train.labels.tolist() == [attributes_of(0), attributes_of(2)]
    assert test.images[0, 0, 0, 0] == pytest.approx(120, abs=1)
    assert test.labels.tolist() == [attributes_of(3)]


def test_faces_for_generation_are_cut_out() -> None:
    assert FACES.crop is not None
    assert FACES.crop.box(178, 218) == (15, 40, 163, 188)


def test_faces_are_read_from_tables(tmp_path: Path) -> None:
    save(tmp_path / "face.png", 90)
    cell = {"bytes": (tmp_path / "face.png").read_bytes(), "path": None}
    columns = {name: [bool(a)] for name, a in zip(CELEBA_ATTRIBUTES, attributes_of(7), strict=True)}
    for part in ("train", "test"):
        pq.write_table(pa.table({"image": [cell], **columns}), tmp_path / f"{part}.parquet")
    train, _ = load_parts(CELEBA, tmp_path, download=False)
    assert train.labels.tolist() == [attributes_of(7)]
    assert train.images.shape == (1, 3, 64, 64)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("list_attr_celeba.txt", "000009.jpg 1 -1", "line 7 of .* with 40 attributes of 1 or -1"),
        ("list_eval_partition.txt", "000009.jpg 7", "line 5 of .* not a file name with 0, 1 or 2"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    write_celeba(tmp_path)
    with (tmp_path / file).open("a") as written:
        written.write(line + "\n")
    with pytest.raises(DataSetError, match=message):
        load_parts(CELEBA, tmp_path, download=False)


def test_a_face_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    (tmp_path / "img_align_celeba" / "000002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"000002\.jpg does not exist"):
        load_parts(CELEBA, tmp_path, download=False)


def test_a_face_without_attributes_is_named(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    lines = (tmp_path / "list_attr_celeba.txt").read_text().splitlines()
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(lines[:-1]))
    with pytest.raises(DataSetError, match=r"has no line for 000003\.jpg"):
        load_parts(CELEBA, tmp_path, download=False)


def test_photographs_are_numbered_by_their_folders(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    train, test = load_parts(IMAGENET, tmp_path, download=False)
    assert train.images.shape == (3, 3, 64, 64)
    assert train.labels.tolist() == test.labels.tolist() == [0, 1, 2]
    assert train.images[:, 0, 32, 32].tolist() == [0, 50, 100]


def test_photographs_of_a_class_that_is_not_trained_are_refused(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    save(tmp_path / "val" / "n05" / "new.JPEG", 0)
    with pytest.raises(DataSetError, match=r"new\.JPEG belongs to a class that the training part"):
        load_parts(IMAGENET, tmp_path, download=False)


def test_a_part_without_photographs_is_refused(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    for path in (tmp_path / "val").glob("*/*"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="val holds no folders of pictures"):
        load_parts(IMAGENET, tmp_path, download=False)


def test_a_photograph_that_is_none_is_named(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    (tmp_path / "train" / "n02" / "broken.JPEG").write_bytes(b"no picture")
    with pytest.raises(DataSetError, match=r"broken\.JPEG is not a readable image"):
        load_parts(IMAGENET, tmp_path, download=False)


def test_photographs_are_read_from_tables(tmp_path: Path) -> None:
    save(tmp_path / "one.png", 200, (300, 200))
    cell = {"bytes": (tmp_path / "one.png").read_bytes(), "path": None}
    table = pa.table({"image": [cell], "label": [999]})
    for part in ("train-00000-of-00001", "validation-00000-of-00001"):
        pq.write_table(table, tmp_path / f"{part}.parquet")
    train, test = load_parts(IMAGENET, tmp_path, download=False)
    assert train.labels.tolist() == test.labels.tolist() == [999]
    assert np.unique(train.images).tolist() == [200]


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        (WholePicture(), (0, 0, 100, 60)),
        (CentredSquare(), (20, 0, 80, 60)),
        (CentredSquare(0.5), (35, 15, 65, 45)),
        (FixedSquare(left=10, top=20, side=30), (10, 20, 40, 50)),
        (FixedSquare(left=90, top=50, side=30), (90, 50, 100, 60)),
    ],
)
def test_a_cut_lies_within_the_picture(
    crop: WholePicture | CentredSquare | FixedSquare, box: tuple[float, ...]
) -> None:
    assert crop.box(100, 60) == box
