"""The U-Net: the published counts of convolutions, its shapes, and what it starts from."""

import pytest
import torch
from torch import nn

from effmeter.errors import UnfitError
from effmeter.lab.workloads.models.attention import DotProducts
from effmeter.lab.workloads.models.residual import sinusoids
from effmeter.lab.workloads.models.unet import UNet


@pytest.mark.parametrize(
    ("width", "multipliers", "channels", "side", "published"),
    [(16, (1, 2, 4), 1, 32, 51), (128, (1, 2, 2, 2), 3, 64, 65)],
    ids=["mnist", "celeba"],
)
def test_a_published_setting_has_its_convolutions(
    width: int, multipliers: tuple[int, ...], channels: int, side: int, published: int
) -> None:
    with torch.device("meta"):
        model = UNet(width, multipliers, channels=channels)
        images = torch.zeros(2, channels, side, side)
        noise = model(images, torch.zeros(2))
    assert sum(isinstance(module, nn.Conv2d) for module in model.modules()) == published
    assert noise.shape == images.shape


def test_a_fresh_network_says_that_there_is_no_noise() -> None:
    model = UNet(16, (1, 2))
    assert not model(torch.randn(2, 1, 4, 4), torch.tensor([0, 9])).any()


def test_every_weight_learns_once_the_last_layer_is_no_longer_zero() -> None:
    torch.manual_seed(0)
    model = UNet(16, (1, 2), channels=3, dropout=0.1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    model(torch.randn(2, 3, 4, 4), torch.tensor([3, 150])).square().mean().backward()
    unmoved = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unmoved == []


def test_the_step_changes_what_is_taken_for_noise() -> None:
    torch.manual_seed(0)
    model = UNet(16, (1,)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    images = torch.randn(1, 1, 4, 4).expand(2, -1, -1, -1)
    early, late = model(images, torch.tensor([1, 100]))
    assert not torch.allclose(early, late)


def test_sinusoids_of_step_zero_are_ones_and_zeros() -> None:
    assert sinusoids(torch.tensor([0]), 6).tolist() == [[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]


def test_attention_is_the_softmax_of_the_products_head_by_head() -> None:
    torch.manual_seed(0)
    stacked = torch.randn(2, 3 * 4, 5, dtype=torch.float64)
    expected = []
    for head in stacked.view(2, 2, 6, 5).unbind(1):
        queries, keys, values = head.chunk(3, dim=1)
        scores = torch.einsum("bct,bcs->bts", queries, keys) / 2**0.5
        expected.append(torch.einsum("bts,bcs->bct", scores.softmax(dim=2), values))
    attended = DotProducts(heads=2)(stacked)
    torch.testing.assert_close(attended, torch.cat(expected, dim=1))


def test_images_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(UnfitError, match="multiples of 4"):
        UNet()(torch.zeros(1, 1, 30, 32), torch.zeros(1))


def test_a_width_that_the_groups_do_not_divide_is_refused() -> None:
    with pytest.raises(UnfitError, match="a multiple of 16, not 20"):
        UNet(20)
