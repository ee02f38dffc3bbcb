"""Which widths are free is read from the network; what ties the others is said."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from effmeter.methods.method import AttachError
from effmeter.methods.structure.widths.graph import width_graph
from tests.methods.structure.widths.networks import Flattening, Residual, Shared, strided


def test_every_layer_of_a_chain_but_the_last_is_free() -> None:
    graph = width_graph(strided(norm=True))
    assert {name: width.features_per_channel for name, width in graph.free.items()} == {
        "0": 1,
        "3": 4,
        "8": 1,
    }
    assert graph.tied == {"10": "its output reaches the model's output"}


def test_norms_between_belong_to_the_width() -> None:
    model = strided(norm=True)
    assert width_graph(model).free["0"].norms == (model[1],)


def test_a_skip_connection_ties_what_it_adds() -> None:
    graph = width_graph(Residual())
    assert list(graph.free) == ["first"]
    assert "used 2 times" in graph.tied["stem"]
    assert "add" in graph.tied["second"]


def test_functions_and_views_are_followed() -> None:
    free = width_graph(Flattening()).free
    assert free["convolution"].features_per_channel == 9
    assert [step.kind for step in free["convolution"].path] == [
        "norm",
        "pointwise",
        "pooling",
        "dropout",
        "flatten",
    ]


def test_a_subclass_of_a_layer_is_a_layer() -> None:
    class OwnLinear(nn.Linear):
        pass

    graph = width_graph(nn.Sequential(OwnLinear(3, 4), nn.Tanh(), OwnLinear(4, 2)))
    assert list(graph.free) == ["0"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Shared(), "weights are shared"),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3)), "groups"),
        (nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, groups=4)), "groups"),
        (nn.Sequential(nn.Linear(3, 4), nn.Softmax(-1), nn.Linear(4, 2)), "Softmax"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 3)), "GroupNorm"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2)), "laid out anew"),
        (nn.Sequential(nn.Linear(3, 4), nn.Flatten(), nn.Linear(4, 2)), "laid out anew"),
        (nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.Linear(4, 2)), "parametrized"),
    ],
)
def test_a_network_without_a_free_width_is_refused_with_the_reason(
    model: nn.Module, reason: str
) -> None:
    with pytest.raises(AttachError, match=reason):
        width_graph(model).chosen(None)


def test_a_weight_that_two_layers_hold_is_shared() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    model[4].weight = model[0].weight
    assert width_graph(model).free == {}


def test_a_tied_layer_cannot_be_chosen() -> None:
    graph = width_graph(Residual())
    with pytest.raises(AttachError, match="stem cannot change: its output is used 2 times"):
        graph.chosen(["stem"])
    with pytest.raises(AttachError, match="no such layer; there is: first"):
        graph.chosen(["frist"])
    assert [width.name for width in graph.chosen(["first"])] == ["first"]


def test_a_network_that_depends_on_its_data_is_refused() -> None:
    class Choosy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, values: Tensor) -> Tensor:
            return self.layer(values) if values.sum() > 0 else values

    with pytest.raises(AttachError, match=r"torch\.fx cannot follow"):
        width_graph(Choosy())


def test_tracing_runs_nothing() -> None:
    model = strided(norm=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    width_graph(model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
