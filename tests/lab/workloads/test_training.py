"""The reference loop: it learns, follows from its seed, and leaves counting to the caller."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from effmeter.errors import UsageError
from effmeter.lab.workloads import ARCHITECTURES, DivergenceError, Recipe, prepare
from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.lenet import LeNet
from effmeter.lab.workloads.metrics import METRICS, accuracy
from effmeter.lab.workloads.training import Training, choose_device, scores_on, supervised_training

CPU = torch.device("cpu")


class Logbook:
    """Keeps what the loop logs."""

    def __init__(self) -> None:
        self.epochs: list[object] = []
        self.metrics: list[dict[str, float]] = []

    def __call__(self, epoch: object, /, **metrics: float) -> None:
        self.epochs.append(epoch)
        self.metrics.append(metrics)


def small_digits() -> Split:
    """The first of the digits, standardised, without shifts."""
    recipe = Recipe("lenet", device="cpu", validation_fraction=0.1, options=(("shifts", 0),))
    data = prepare(recipe).data
    return Split(_first(data.train, 600), _first(data.test, 100), data.validation)


def _first(part: LabelledImages, count: int) -> LabelledImages:
    return LabelledImages(part.images[:count], part.labels[:count])


def lenet_training(seed: int = 0) -> Training:
    data = replace(small_digits(), validation=None)
    return supervised_training(lambda: (LeNet(), cross_entropy), data, seed, CPU)


def metrics_after(training: Training, epochs: int) -> list[dict[str, float]]:
    logbook = Logbook()
    training.run(range(epochs), logbook)
    return logbook.metrics


@pytest.mark.slow
def test_lenet_learns_the_digits() -> None:
    first, second = metrics_after(prepare(Recipe("lenet", device="cpu")), 2)
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
    assert [len(batch) for batch in batches] == [4, 4, 2]
    visited = torch.cat([batch.targets for batch in batches])
    assert sorted(visited.tolist()) == list(range(10))
    assert torch.equal(torch.cat([batch.inputs for batch in batches]).flatten(), visited.float())
    places = [batch.index for batch in batches if batch.index is not None]
    assert torch.equal(torch.cat(places), visited)


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
    named = scores_on(training.model, training.data.train)
    assert metrics["train_accuracy"] == accuracy(named, training.data.train.labels)


def test_a_device_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no device 'abacus'"):
        choose_device("abacus")


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")


def test_a_validation_part_is_logged_beside_the_test_part() -> None:
    training = replace(lenet_training(), data=small_digits())
    (metrics,) = metrics_after(training, 1)
    assert metrics.keys() == {"loss", "train_accuracy", "validation_accuracy", "accuracy"}


def test_any_metric_can_stand_in_place_of_accuracy() -> None:
    def count(scores: Tensor, labels: Tensor) -> float:
        assert scores.shape == (len(labels), 10)
        return float(len(labels))

    (metrics,) = metrics_after(replace(lenet_training(), metrics={"images": count}), 1)
    assert metrics.keys() == {"loss", "train_images", "images"}
    assert (metrics["train_images"], metrics["images"]) == (600.0, 100.0)


def test_an_objective_of_its_own_is_what_is_trained_and_logged() -> None:
    def constant(scores: Tensor, labels: Tensor) -> Tensor:
        return 0.0 * scores.sum() + 7.0

    (metrics,) = metrics_after(replace(lenet_training(), objective=constant), 1)
    assert metrics["loss"] == pytest.approx(7.0)


def test_a_loss_that_is_no_number_ends_the_training_after_it_is_logged() -> None:
    def soon_infinite(scores: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(scores, labels) * (float("inf") if len(logbook.epochs) == 1 else 1.0)

    logbook = Logbook()
    with pytest.raises(DivergenceError, match="the loss of epoch 2 is ") as caught:
        replace(lenet_training(), objective=soon_infinite).run(range(5), logbook)
    assert (caught.value.epoch, logbook.epochs) == (2, [0, 1])
    assert not torch.tensor(logbook.metrics[1]["loss"]).isfinite()


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_one_for_perfect_scores_and_below_it_for_others(name: str) -> None:
    labels = torch.tensor([0, 1, 2, 2])
    perfect = torch.nn.functional.one_hot(labels, 4).float()
    assert METRICS[name](perfect, labels[:]) == pytest.approx(1.0)
    assert METRICS[name](perfect, torch.tensor([0, 1, 2, 0])) < 1.0


def test_metrics_weigh_images_or_classes() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    always_0 = torch.tensor([1.0, 0.0]).expand(4, 2)
    assert METRICS["accuracy"](always_0, labels) == 0.75
    assert METRICS["balanced_accuracy"](always_0, labels) == 0.5
    assert METRICS["f1"](always_0, labels) == pytest.approx((2 * 3 / 7 + 0) / 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_prepares_its_smallest_size(architecture: str) -> None:
    smallest = ARCHITECTURES[architecture].sizes[0]
    metrics = ("error",) if ARCHITECTURES[architecture].denoises else ("accuracy",)
    training = prepare(Recipe(architecture, size=smallest, device="cpu", metrics=metrics))
    assert len(training.data.train) > len(training.data.test)


def test_a_batch_size_of_ones_own_is_trained_with() -> None:
    training = prepare(Recipe("lenet", device="cpu", batch_size=1000, options=(("shifts", "0"),)))
    metrics_after(training, 1)
    state = next(iter(training.optimizer.state.values()))
    assert int(state["step"]) == 2


def test_a_fold_is_held_out_of_all_images() -> None:
    recipe = Recipe("lenet", device="cpu", folds=6, options=(("shifts", 0),))
    parts = [prepare(replace(recipe, fold=fold)).data for fold in (1, 6)]
    for data in parts:
        assert len(data.train) + len(data.test) == 1797
        assert len(data.test) in (299, 300)
    assert not torch.equal(parts[0].test.labels[:50], parts[1].test.labels[:50])
