"""Where the files of a data set lie below the folder that a user names, for each format.

What reads them is loaded when a data set is read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from effmeter.errors import DataSetError

_ALSO_GZIPPED = ("", ".gz")
_SHARD = re.compile(r"-\d+-of-(?P<total>\d+)")


class PartFiles(NamedTuple):
    """The files of the training part and of the test part."""

    train: tuple[Path, ...]
    test: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class IdxLayout:
    """Pairs of IDX files, images and labels, each also gzipped (``.gz``)."""

    train: tuple[str, str]
    test: tuple[str, str]
    folders: tuple[str, ...] = (".",)
    """Where to look, in this order."""

    @property
    def expected(self) -> str:
        """The first file, in words."""
        return f"{self.train[0]} (IDX, also .gz)"

    def is_in(self, folder: Path) -> bool:
        """Whether any file of it is in this folder."""
        return any(_present(folder / name, _ALSO_GZIPPED) for name in (*self.train, *self.test))

    def files(self, folder: Path) -> PartFiles:
        """All files; FileNotFoundError names the first that is not there."""
        return PartFiles(
            _named(folder, self.train, _ALSO_GZIPPED), _named(folder, self.test, _ALSO_GZIPPED)
        )


@dataclass(frozen=True, slots=True)
class CifarLayout:
    """Batches of CIFAR's binary version; ``label_bytes`` precede the pixels of each image."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int = 1
    """The last of them is the label (CIFAR-100: coarse, then fine)."""
    folders: tuple[str, ...] = (".",)

    @property
    def expected(self) -> str:
        """The first file, in words."""
        return f"{self.train[0]} (CIFAR's binary version)"

    def is_in(self, folder: Path) -> bool:
        """Whether any file of it is in this folder."""
        return any(_present(folder / name) for name in (*self.train, *self.test))

    def files(self, folder: Path) -> PartFiles:
        """All files; FileNotFoundError names the first that is not there."""
        return PartFiles(_named(folder, self.train), _named(folder, self.test))


@dataclass(frozen=True, slots=True)
class ParquetLayout:
    """Parquet files ``SPLIT.parquet`` or ``SPLIT-00000-of-00001.parquet``, as on Hugging Face."""

    image: str
    """The column of encoded images: structs with ``bytes``."""
    label: str | tuple[str, ...]
    """The column of labels, or a column for each attribute."""
    train: str = "train"
    test: str = "test"
    folders: tuple[str, ...] = (".", "data")

    @property
    def expected(self) -> str:
        """The first file, in words."""
        return f"{self.train}-*.parquet"

    def is_in(self, folder: Path) -> bool:
        """Whether any file of it is in this folder."""
        return any(_shards(folder, split) for split in (self.train, self.test))

    def files(self, folder: Path) -> PartFiles:
        """All files of both parts; FileNotFoundError where one is not complete."""
        found = PartFiles(_shards(folder, self.train), _shards(folder, self.test))
        for split, files in zip((self.train, self.test), found, strict=True):
            _check_shards(folder / split, files)
        return found


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """Pictures in ``train/CLASS/`` and ``val/CLASS/``."""

    train: str = "train"
    test: str = "val"
    folders: tuple[str, ...] = (".",)

    @property
    def expected(self) -> str:
        """The first file, in words."""
        return f"{self.train}/CLASS/*.JPEG"

    def is_in(self, folder: Path) -> bool:
        """Whether a class of it is in this folder."""
        return any(path.is_dir() for path in folder.glob(f"{self.train}/*"))

    def files(self, folder: Path) -> PartFiles:
        """All pictures; FileNotFoundError where a part has none."""
        found = PartFiles(_pictures(folder / self.train), _pictures(folder / self.test))
        for part, files in zip((self.train, self.test), found, strict=True):
            if not files:
                raise FileNotFoundError(f"{folder / part} holds no folders of pictures")
        return found


@dataclass(frozen=True, slots=True)
class CelebALayout:
    """CelebA's own folder of aligned pictures, and its lists of attributes and parts."""

    folders: tuple[str, ...] = (".", "celeba")
    pictures: str = "img_align_celeba"
    attributes: str = "list_attr_celeba.txt"
    partition: str = "list_eval_partition.txt"

    @property
    def expected(self) -> str:
        """The first file, in words."""
        return f"{self.attributes} beside {self.pictures}"

    def is_in(self, folder: Path) -> bool:
        """Whether any file of it is in this folder."""
        return any((folder / name).is_file() for name in (self.attributes, self.partition))

    def files(self, folder: Path) -> PartFiles:
        """The list of attributes and the pictures of a part; those for validation are in none.

        FileNotFoundError names what is not there.
        """
        attributes, partition = _named(folder, (self.attributes, self.partition))
        parts: dict[str, list[str]] = {"0": [], "1": [], "2": []}
        for number, line in enumerate(partition.read_text().splitlines(), start=1):
            name, _, part = line.partition(" ")
            if part.strip() not in parts:
                raise DataSetError(
                    f"line {number} of {partition} is not a file name with 0, 1 or 2"
                )
            parts[part.strip()].append(name)
        train, test = (_named(folder / self.pictures, parts[part]) for part in ("0", "2"))
        return PartFiles((attributes, *train), (attributes, *test))


Layout = IdxLayout | CifarLayout | ParquetLayout | FolderLayout | CelebALayout

_PICTURE_ENDS = {".jpeg", ".jpg", ".png"}


def _named(folder: Path, names: Iterable[str], endings: Sequence[str] = ("",)) -> tuple[Path, ...]:
    found = [(folder / name, _present(folder / name, endings)) for name in names]
    for path, files in found:
        if not files:
            raise FileNotFoundError(f"{path} does not exist")
    return tuple(files[0] for _, files in found)


def _present(path: Path, endings: Sequence[str] = ("",)) -> list[Path]:
    """The files of that path with one of the endings."""
    candidates = (path.with_name(path.name + ending) for ending in endings)
    return [candidate for candidate in candidates if candidate.is_file()]


def _pictures(part: Path) -> tuple[Path, ...]:
    files = (path for path in part.glob("*/*") if path.suffix.lower() in _PICTURE_ENDS)
    return tuple(sorted(files))


def _shards(folder: Path, split: str) -> tuple[Path, ...]:
    """The numbered files of a split, else the one that holds it whole."""
    numbered = sorted(folder.glob(f"{split}-*.parquet"))
    return tuple(numbered or _present(folder / f"{split}.parquet"))


def _check_shards(path: Path, files: tuple[Path, ...]) -> None:
    if not files:
        raise FileNotFoundError(f"{path}-*.parquet does not exist")
    numbers = [_SHARD.search(file.name) for file in files]
    totals = {int(number["total"]) for number in numbers if number is not None}
    if totals and totals != {len(files)}:
        raise FileNotFoundError(
            f"{path}-*.parquet are {len(files)} files; their names say {max(totals)}"
        )
