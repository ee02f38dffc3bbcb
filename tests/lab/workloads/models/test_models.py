"""The bundled networks: the published sizes, what they read and give, and that they learn."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.errors import UsageError
from effmeter.lab.workloads.models.catalogue import MODELS, parse_model
from effmeter.lab.workloads.models.entry import Images
from effmeter.lab.workloads.models.resnet import ResNet

CLASSIFIERS = [name for name, model in MODELS.items() if model.task == "classification"]
# Narrow ones of each family: a training step on the CPU takes a moment.
NARROW = {
    "lenet": "lenet",
    "bcnn": "bcnn",
    "cnn2": "cnn2:width=4",
    "resnet14": "resnet14:width=4",
    "resnet18": "resnet18:width=4,dropout=0.1",
    "resnet20": "resnet20:width=4",
    "resnet26": "resnet26:width=4",
    "resnet50": "resnet50:width=4",
    "vgg11": "vgg11:width=4",
    "vgg19": "vgg19:width=4",
    "wrn10-1": "wrn10-1:width=4,hidden=0.5",
    "wrn28-1": "wrn28-1:hidden=0.25",
    "densenet121": "densenet121:growth=4",
    "mobilenetv2": "mobilenetv2:width=0.25",
}

# make test takes a step of training and the like with the others alone.
DEEP = ("resnet26", "resnet50", "vgg19", "wrn28-1", "densenet121", "mobilenetv2")


def deep_ones_slow(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test: the long proofs of deep networks are for test-all."""
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(name, marks=marks[name in DEEP]) for name in names]


def built(text: str, images: Images | None = None, device: str = "meta") -> nn.Module:
    model, options = parse_model(text)
    with torch.device(device):
        return model.build(images or Images(), options)


def weights(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def convolutions(model: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in model.modules())


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet18", 11_173_962),
        ("resnet50", 23_520_842),
        ("resnet20", 269_722),
        ("vgg11", 9_231_114),
        ("vgg19", 20_040_522),
        ("densenet121", 6_956_298),
        ("mobilenetv2", 2_236_682),
    ],
)
def test_a_network_has_as_many_weights_as_is_commonly_reported(name: str, published: int) -> None:
    assert weights(built(name)) == published


@pytest.mark.parametrize(
    ("name", "layers"),
    [("resnet14", 14), ("resnet18", 18), ("resnet20", 20), ("resnet26", 26), ("resnet50", 50)],
)
def test_a_residual_network_is_as_deep_as_its_name_says(name: str, layers: int) -> None:
    beside = [part for part in built(name).named_modules() if "shortcut" in part[0]]
    projections = sum(isinstance(module, nn.Conv2d) for _, module in beside)
    classifier = 1
    assert convolutions(built(name)) - projections + classifier == layers


@pytest.mark.parametrize(("name", "layers"), [("vgg11", 8), ("vgg19", 16), ("cnn2", 2)])
def test_a_plain_network_has_its_convolutions(name: str, layers: int) -> None:
    assert convolutions(built(name)) == layers


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_images_become_one_score_for_each_class(name: str) -> None:
    model = built(name, Images(channels=1, classes=7))
    assert model(torch.zeros(3, 1, 32, 32, device="meta")).shape == (3, 7)


@pytest.mark.parametrize(
    "name", deep_ones_slow(name for name in CLASSIFIERS if name not in ("lenet", "bcnn"))
)
@pytest.mark.parametrize(("height", "width"), [(28, 28), (64, 48)])
def test_other_sizes_of_images_are_read(name: str, height: int, width: int) -> None:
    model = built(name, Images(3, height, width))
    assert model(torch.zeros(2, 3, height, width, device="meta")).shape == (2, 10)


@pytest.mark.parametrize("name", deep_ones_slow(CLASSIFIERS))
def test_a_step_of_training_moves_every_weight(name: str) -> None:
    torch.manual_seed(0)
    model = built(NARROW[name], device="cpu").train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)
    cross_entropy(model(images), labels).backward()
    optimizer.step()
    pairs = zip(before, model.parameters(), strict=True)
    unmoved = [torch.equal(old, new) for old, new in pairs]
    # A bias before batch norm has no effect, so nearly no gradient; it may round to none.
    assert sum(unmoved) <= convolutions(model) * (name in ("vgg11", "vgg19"))


@pytest.mark.parametrize("name", deep_ones_slow(CLASSIFIERS))
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        model = built(NARROW[name], device="cpu")
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_a_shortcut_of_padding_keeps_every_second_pixel_and_has_no_weights() -> None:
    model = ResNet((1, 1), 2, shortcut="padding")
    shortcut = model.get_submodule("stage2.0.shortcut")
    features = torch.randn(1, 2, 4, 4)
    padded = shortcut(features)
    assert torch.equal(padded[:, :2], features[:, :, ::2, ::2])
    assert not padded[:, 2:].any()
    assert weights(shortcut) == 0


def test_dropout_follows_every_convolution_of_a_residual_network() -> None:
    model = built("resnet50:dropout=0.4")
    drops = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    assert len(drops) == convolutions(model)
    assert {drop.p for drop in drops} == {0.4}
    assert not any(isinstance(module, nn.Dropout) for module in built("resnet50").modules())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet19", "unknown model 'resnet19'; choose from lenet, bcnn, cnn2"),
        ("resnet18:depth=3", "resnet18 has no option 'depth'; its options are width, dropout"),
        ("resnet18:width", "'width' is not of the form resnet18:option=value"),
        ("resnet18:width=wide", "option width of resnet18 takes a whole number from 1"),
        ("resnet18:width=0", "option width of resnet18 takes a whole number from 1"),
    ],
)
def test_a_text_that_names_no_model_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_model(text)


@pytest.mark.parametrize(("text", "side"), [("lenet", 28), ("bcnn", 28), ("cnn2", 3)])
def test_images_of_a_size_that_a_network_does_not_read_are_refused(text: str, side: int) -> None:
    with pytest.raises(UsageError, match=f"{text} reads images of .* not {side}x{side}"):
        built(text, Images(1, side, side))
