"""Which layers can run by another backward pass, and that they are the same layers still."""

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from effmeter.methods.gradients.meprop import MeProp
from effmeter.methods.gradients.rewriting import convolutions, restore, rewrite
from effmeter.methods.gradients.sparse_convolution import Sparsity
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import AttachError, Batch


def attach(model: nn.Module) -> None:
    SsProp().attach(model, SGD(model.parameters(), lr=0.1))


class OwnForward(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * 2


class Named(nn.Conv2d):
    """A subclass that computes as its base does."""


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), "same"])
def test_every_padding_gives_the_dense_output_and_with_all_channels_its_gradients(
    mode: str, padding: tuple[int, int] | str
) -> None:
    layer = nn.Conv2d(2, 4, 3, padding=padding, padding_mode=mode, dtype=torch.float64)  # type: ignore[arg-type]
    images = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    tensors = (images, *layer.parameters())
    dense = layer(images)
    expected = torch.autograd.grad(dense.square().sum(), tensors)
    rewritten = rewrite(layer)
    rewritten.rule = Sparsity(1.0)
    output = rewritten(images)
    found = torch.autograd.grad(output.square().sum(), tensors)
    assert torch.equal(output, dense)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_an_image_without_a_batch_is_taken() -> None:
    layer = nn.Conv2d(2, 4, 3)
    image = torch.randn(2, 6, 5)
    dense = layer(image)
    rewritten = rewrite(layer)
    rewritten.rule = Sparsity(0.5)
    assert rewritten(image).shape == dense.shape
    rewritten(image).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.flatten(1).abs().sum(1).count_nonzero() == 2


def test_a_subclass_stays_what_it_is() -> None:
    layer = Named(2, 4, 3)
    rewritten = rewrite(layer)
    assert isinstance(rewritten, Named)
    restore(rewritten)
    assert type(layer) is Named


def test_a_normalised_weight_is_followed() -> None:
    layer = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3))
    kind, keys = type(layer), list(layer.state_dict())
    model = nn.Sequential(layer)
    images = torch.randn(2, 2, 5, 5)
    dense = model(images)
    method = SsProp(0.5, "constant")
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_step(Batch(images, torch.zeros(2)))
        output = model(images)
        output.square().sum().backward()
        assert list(layer.state_dict()) == keys
    assert torch.equal(output, dense)
    assert type(layer) is kind
    assert all(p.grad is not None for p in layer.parameters())


def test_a_layer_that_is_used_twice_is_one_layer() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert list(convolutions(model, "refuse")) == ["0"]


def test_groups_are_refused_with_the_remedy_or_left_dense() -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, groups=4))
    with pytest.raises(AttachError, match=r"'1' has groups.*grouped='dense'"):
        attach(model)
    method = SsProp(0.5, "constant", grouped="dense")
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_step(Batch(torch.zeros(2, 4, 9, 9), torch.zeros(2)))
        model(torch.randn(2, 4, 9, 9)).sum().backward()
    sparse, dense = method.work()
    assert sparse.executed.backward < sparse.dense.backward
    assert dense.executed == dense.dense


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Sequential(nn.Linear(2, 2)), "no two-dimensional convolution"),
        (nn.Sequential(nn.Conv2d(2, 2, 1, groups=2)), "has groups"),
        (nn.Sequential(OwnForward(2, 2, 1)), r"'0' \(OwnForward\) has a forward of its own"),
        (nn.Sequential(nn.LazyConv2d(2, 1)), "'0' has no weights yet"),
        (nn.DataParallel(nn.Conv2d(2, 2, 1)), "wrapped in DataParallel"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_what_it_cannot_work_on_is_refused(model: nn.Module, reason: str) -> None:
    with pytest.raises(AttachError, match=reason):
        SsProp().attach(model, SGD([torch.zeros(1)], lr=0.1))
    assert type(model) in (nn.Sequential, nn.DataParallel)


@pytest.mark.parametrize(
    ("model", "output_layer", "reason"),
    [
        (nn.Sequential(nn.ReLU()), None, "no linear layer"),
        (nn.Sequential(nn.Linear(2, 2)), "head", "no linear layer 'head'; it has: 0"),
    ],
)
def test_meprop_names_the_output_layers_that_there_are(
    model: nn.Module, output_layer: str | None, reason: str
) -> None:
    with pytest.raises(AttachError, match=reason):
        MeProp(output_layer=output_layer).attach(model, SGD([torch.zeros(1)], lr=0.1))
