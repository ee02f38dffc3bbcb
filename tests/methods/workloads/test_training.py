"""The reference loop: it learns, follows from its seed, and leaves counting to the caller."""

from collections.abc import Iterator

import pytest
import torch

from effmeter.methods.workloads import WORKLOADS
from effmeter.methods.workloads.data import LabelledImages, Split
from effmeter.methods.workloads.digits import load_digits
from effmeter.methods.workloads.lenet import LeNet
from effmeter.methods.workloads.training import Training, accuracy_on, adam_training, choose_device


class Logbook:
    """Keeps what the loop logs."""

    def __init__(self) -> None:
        self.epochs: list[object] = []
        self.metrics: list[dict[str, float]] = []

    def __call__(self, epoch: object, /, **metrics: float) -> None:
        self.epochs.append(epoch)
        self.metrics.append(metrics)


def small_digits() -> Split:
    digits = load_digits(shifts=(0,))
    return Split(_first(digits.train, 600), _first(digits.test, 100))


def _first(part: LabelledImages, count: int) -> LabelledImages:
    return LabelledImages(part.images[:count], part.labels[:count])


def lenet_training(seed: int = 0) -> Training:
    return adam_training(LeNet, small_digits(), seed, "cpu")


def metrics_after(training: Training, epochs: int) -> list[dict[str, float]]:
    logbook = Logbook()
    training.run(range(epochs), logbook)
    return logbook.metrics


def test_lenet_learns_the_digits() -> None:
    training = adam_training(LeNet, load_digits(), 0, "cpu")
    first, second = metrics_after(training, 2)
    assert second["loss"] < first["loss"]
    assert second["accuracy"] > 0.8


def test_each_epoch_is_handed_back_with_its_metrics() -> None:
    logbook = Logbook()
    lenet_training().run(["first", "second"], logbook)
    assert logbook.epochs == ["first", "second"]
    assert [set(metrics) for metrics in logbook.metrics] == 2 * [
        {"loss", "train_accuracy", "accuracy"}
    ]


def test_training_stops_when_the_epochs_do() -> None:
    logbook = Logbook()

    def until_two_are_logged() -> Iterator[int]:
        while len(logbook.metrics) < 2:
            yield len(logbook.metrics)

    lenet_training().run(until_two_are_logged(), logbook)
    assert logbook.epochs == [0, 1]


def test_no_epochs_leave_the_model_as_it_was() -> None:
    training = lenet_training()
    before = [parameter.clone() for parameter in training.model.parameters()]
    assert metrics_after(training, 0) == []
    assert all(map(torch.equal, before, training.model.parameters()))


def test_the_same_seed_gives_the_same_training() -> None:
    assert metrics_after(lenet_training(7), 2) == metrics_after(lenet_training(7), 2)


def test_another_seed_gives_another_training() -> None:
    assert metrics_after(lenet_training(1), 1) != metrics_after(lenet_training(2), 1)


def test_the_programs_own_random_state_neither_matters_nor_moves() -> None:
    expected = metrics_after(lenet_training(), 1)
    with torch.random.fork_rng():
        torch.manual_seed(1234)
        before = torch.get_rng_state()
        assert metrics_after(lenet_training(), 1) == expected
        assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_visits_every_image_once() -> None:
    images = torch.arange(10.0).reshape(10, 1, 1, 1)
    part = LabelledImages(images, torch.arange(10))
    batches = list(part.shuffled_batches(4, torch.Generator().manual_seed(0)))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    visited = torch.cat([labels for _, labels in batches])
    assert sorted(visited.tolist()) == list(range(10))
    assert torch.equal(torch.cat([batch for batch, _ in batches]).flatten(), visited.float())


def test_accuracy_is_the_fraction_of_images_named_rightly() -> None:
    scores = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 2]), 3).float()
    part = LabelledImages(scores.reshape(4, 3, 1, 1), torch.tensor([0, 1, 2, 0]))
    assert accuracy_on(torch.nn.Flatten(), part, batch_size=3) == 0.75


def test_train_metrics_are_means_over_images_not_over_batches() -> None:
    """A last batch of another size weighs by its images; at rate 0 nothing else can differ."""
    training = lenet_training()
    for group in training.optimizer.param_groups:
        group["lr"] = 0.0
    (metrics,) = metrics_after(training, 1)
    with torch.no_grad():
        scores = training.model(training.data.train.images)
    loss = torch.nn.functional.cross_entropy(scores, training.data.train.labels).item()
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    assert metrics["train_accuracy"] == accuracy_on(training.model, training.data.train)


def test_a_device_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no device 'abacus'"):
        choose_device("abacus")


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")


def test_every_workload_prepares_its_smallest_size() -> None:
    for workload in WORKLOADS.values():
        training = workload.prepare(workload.sizes[0], 0, "cpu")
        assert len(training.data.train) > len(training.data.test)


def test_a_workload_refuses_a_size_that_it_has_not() -> None:
    with pytest.raises(ValueError, match="sizes 1 to 5"):
        WORKLOADS["lenet"].prepare(9, 0, "cpu")
