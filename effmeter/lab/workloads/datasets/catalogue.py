"""The data sets by name. A new one is an entry here, and a reader if its format is new."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from effmeter.lab.workloads.datasets.attributes import CELEBA_ATTRIBUTES
from effmeter.lab.workloads.datasets.crops import CentredSquare, Crop, FixedSquare, WholePicture
from effmeter.lab.workloads.datasets.layouts import (
    CelebALayout,
    CifarLayout,
    FolderLayout,
    IdxLayout,
    Layout,
    ParquetLayout,
)
from effmeter.lab.workloads.options import Choice, Option, Whole


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled images: what they are, and where they come from."""

    name: str
    summary: str
    channels: int
    classes: int
    image_size: int
    """Pixels along each side, as stored or, with a ``crop``, as read."""
    training_images: int
    test_images: int
    enlarge: Literal["pad", "interpolate"] = "pad"
    """How a smaller image is brought to the size that a model reads."""
    layouts: tuple[Layout, ...] = ()
    """Formats of local files; none: the data set comes with a package."""
    hub: tuple[str, ParquetLayout] | None = None
    """The repository on the Hugging Face Hub, and its columns."""
    options: Mapping[str, Option] = field(default_factory=dict)
    crop: Crop | None = None
    """The part of a picture that is scaled to ``image_size``; None: pictures have that size."""
    has_attributes: bool = False
    """Whether an image has ``classes`` labels of 0 or 1 each, instead of one."""

    @property
    def needs_files(self) -> bool:
        """Whether a user must name a folder or allow a download."""
        return bool(self.layouts)


_SHIFTS = Whole(
    2, 0, "pixels by which each training image is moved up, down, left and right; 0: not at all"
)
_SIDE = Choice(("32", "16", "8"), "pixels along each side, to which the images are enlarged")

_MNIST_TABLES = ParquetLayout("image", "label", folders=(".", "mnist", "data"))
_FASHION_TABLES = ParquetLayout("image", "label", folders=(".", "fashion_mnist", "data"))
_CIFAR_TABLES = ParquetLayout("img", "label", folders=(".", "plain_text", "data"))
_CIFAR100_TABLES = ParquetLayout("img", "fine_label", folders=(".", "cifar100", "data"))
_CELEBA_TABLES = ParquetLayout("image", CELEBA_ATTRIBUTES)
_IMAGENET_TABLES = ParquetLayout("image", "label", test="validation")


def _idx(*folders: str) -> IdxLayout:
    return IdxLayout(
        train=("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        test=("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        folders=(".", *folders, "raw"),
    )


def _celeba(name: str, summary: str, crop: Crop) -> Dataset:
    return Dataset(
        name,
        summary,
        channels=3,
        classes=len(CELEBA_ATTRIBUTES),
        image_size=64,
        training_images=162_770,
        test_images=19_962,
        layouts=(CelebALayout(), _CELEBA_TABLES),
        hub=("flwrlabs/celeba", _CELEBA_TABLES),
        crop=crop,
        has_attributes=True,
    )


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "digits",
            "handwritten digits that come with scikit-learn; nothing to download",
            channels=1,
            classes=10,
            image_size=8,
            training_images=1437,
            test_images=360,
            enlarge="interpolate",
            options={"shifts": _SHIFTS, "side": _SIDE},
        ),
        Dataset(
            "mnist",
            "handwritten digits (LeCun, Cortes and Burges)",
            channels=1,
            classes=10,
            image_size=28,
            training_images=60_000,
            test_images=10_000,
            layouts=(
                _idx("MNIST/raw"),
                _MNIST_TABLES,
            ),
            hub=("ylecun/mnist", _MNIST_TABLES),
        ),
        Dataset(
            "fashion-mnist",
            "grey photographs of ten kinds of clothing (Xiao, Rasul and Vollgraf)",
            channels=1,
            classes=10,
            image_size=28,
            training_images=60_000,
            test_images=10_000,
            layouts=(_idx("FashionMNIST/raw"), _FASHION_TABLES),
            hub=("zalando-datasets/fashion_mnist", _FASHION_TABLES),
        ),
        Dataset(
            "cifar10",
            "small colour photographs of ten kinds of things (Krizhevsky)",
            channels=3,
            classes=10,
            image_size=32,
            training_images=50_000,
            test_images=10_000,
            layouts=(
                CifarLayout(
                    train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
                    test=("test_batch.bin",),
                    folders=(".", "cifar-10-batches-bin"),
                ),
                _CIFAR_TABLES,
            ),
            hub=("uoft-cs/cifar10", _CIFAR_TABLES),
        ),
        Dataset(
            "cifar100",
            "small colour photographs of a hundred kinds of things (Krizhevsky)",
            channels=3,
            classes=100,
            image_size=32,
            training_images=50_000,
            test_images=10_000,
            layouts=(
                CifarLayout(
                    train=("train.bin",),
                    test=("test.bin",),
                    label_bytes=2,
                    folders=(".", "cifar-100-binary"),
                ),
                _CIFAR100_TABLES,
            ),
            hub=("uoft-cs/cifar100", _CIFAR100_TABLES),
        ),
        _celeba("celeba", "faces of celebrities with 40 attributes (Liu et al.)", WholePicture()),
        _celeba(
            "celeba-faces",
            "the same, cropped closer to the face, for generation",
            FixedSquare(left=15, top=40, side=148),
        ),
        Dataset(
            "imagenet",
            "photographs of a thousand kinds of things (Russakovsky et al.), at 64x64 pixels",
            channels=3,
            classes=1000,
            image_size=64,
            training_images=1_281_167,
            test_images=50_000,
            layouts=(FolderLayout(), _IMAGENET_TABLES),
            hub=("ILSVRC/imagenet-1k", _IMAGENET_TABLES),
            crop=CentredSquare(0.875),
        ),
    )
}
"""By name."""
