"""What the schedules of growing and pruning leave of the work of the paper's networks."""

import pytest
import torch

from effmeter.lab.workloads.models.vgg import VGG
from effmeter.lab.workloads.models.wrn import WideResNet
from effmeter.methods.flops.counter import work_per_iteration
from effmeter.methods.flops.work import Flops
from effmeter.methods.method import Batch
from effmeter.methods.skipping.selection import E2Train
from effmeter.methods.structure.growing.gradmax import GradMax
from effmeter.methods.structure.pruning.filters import FilterPruning
from effmeter.methods.structure.widths.schedule import WidthSchedule, implied_fraction

ITERATIONS = 78_000
"""200 epochs of 50 000 images in batches of 128, the last one left out."""


def vgg_step(fraction: float) -> Flops:
    with torch.device("meta"):
        network = VGG(width=round(64 * fraction))
        return work_per_iteration(network, torch.zeros(128, 3, 32, 32)).executed


def test_the_schedules_predict_the_gains_of_the_paper() -> None:
    """Boumendil et al. report a gain in energy of 67.71 % for pruning VGG-11."""
    schedule = WidthSchedule()
    growing = 1 - implied_fraction(vgg_step, schedule, 0.25, 1.0, ITERATIONS)
    pruning = 1 - implied_fraction(vgg_step, schedule, 1.0, 0.25, ITERATIONS)
    assert growing == pytest.approx(0.32, abs=0.005)
    assert pruning == pytest.approx(0.69, abs=0.005)


def test_growing_takes_vgg_through_those_widths() -> None:
    with torch.device("meta"):
        network, small = VGG(), VGG(width=16)
        shapes = [parameter.shape for parameter in network.parameters()]
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    with GradMax().attach(network, optimizer) as method:
        assert len(method.widths) == 8
        assert [p.shape for p in network.parameters()] == [p.shape for p in small.parameters()]
        assert [method.schedule.width(16, 64, n) for n in range(13)] == list(range(16, 65, 4))
    assert shapes == [parameter.shape for parameter in VGG().parameters()]


def test_pruning_leaves_the_small_vgg() -> None:
    network = VGG(width=8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    with FilterPruning(start=1, every=1, steps=3).attach(network, optimizer) as method:
        for _ in range(4):
            method.begin_step(Batch(torch.zeros(1, 3, 32, 32), torch.zeros(1)))
    small = VGG(width=2)
    assert [p.shape for p in network.parameters()] == [p.shape for p in small.parameters()]


def test_only_the_first_convolution_of_each_block_of_a_wide_resnet_changes() -> None:
    network, small = WideResNet(depth=10), WideResNet(depth=10, hidden=0.25)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with GradMax().attach(network, optimizer) as method:
        assert list(method.widths) == [f"stage{n}.0.path.0" for n in (1, 2, 3)]
    assert [p.shape for p in network.parameters()] == [p.shape for p in small.parameters()]


def test_selecting_half_of_the_batches_halves_the_work() -> None:
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with E2Train(keep=0.5, seed=0).attach(network, optimizer) as method:
        for _ in range(400):
            batch = method.begin_step(Batch(torch.zeros(4, 3), torch.zeros(4)))
            if batch is not None:
                optimizer.zero_grad()
                loss = network(batch.inputs).sum()
                loss.backward()
                method.after_backward(loss)
                optimizer.step()
    assert method.work().executed_fraction == pytest.approx(0.5, abs=0.05)
