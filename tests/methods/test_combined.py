"""Several methods at once: their order, what they refuse, and their text."""

import pytest
import torch

from effmeter.errors import UsageError
from effmeter.methods.combined import Combined
from effmeter.methods.method import AttachError, Dense, Method
from effmeter.methods.registry import parse_method
from effmeter.methods.skipping.deadhorse import DeadHorse
from effmeter.methods.skipping.gskip import GSkip
from effmeter.methods.skipping.random_skipping import RandomSkipping
from effmeter.methods.skipping.selection import E2Train
from tests.methods.loops import ROWS, Trainee, small_network, trained_with


def parts_of(method: Method) -> tuple[Method, ...]:
    assert isinstance(method, Combined)
    return method.methods


def names(method: Method) -> list[str]:
    return [part.name for part in parts_of(method)]


def test_batches_are_skipped_before_samples_and_samples_before_layers() -> None:
    method = Combined([GSkip(), DeadHorse(), E2Train()])
    assert names(method) == ["e2-train", "deadhorse", "gskip"]


def test_work_is_counted_once_for_all() -> None:
    method = Combined([RandomSkipping("batch", 0.5, seed=1), RandomSkipping("sample", 0.5, seed=2)])
    trainee = trained_with(method, epochs=10)
    part = trainee.rows_trained / (10 * ROWS)
    assert part == pytest.approx(0.25, abs=0.06)
    assert method.work().executed_fraction == pytest.approx(part, rel=0.01)
    assert method.methods[0].work() == method.work()


def test_a_row_weighs_as_the_part_of_the_batch_that_is_left() -> None:
    trainee = trained_with(Combined([E2Train(), RandomSkipping("sample", 0.5)]))
    kept = [rows for rows in trainee.trained if rows]
    assert trainee.weights == [len(rows) / 8 for rows in kept]


def test_a_part_that_never_became_active_is_named() -> None:
    method = Combined([GSkip(), E2Train()])
    trained_with(method)
    assert not method.active
    assert method.inactive == ("gskip",)


@pytest.mark.parametrize(
    "idle", ["ssprop:schedule=bar", "filter-pruning:start=1000", "gradmax:seed_fraction=1"]
)
def test_what_another_part_skips_makes_no_part_active(idle: str) -> None:
    method = parse_method(f"{idle}+e2-train")
    assert isinstance(method, Combined)
    trained_with(method, epochs=1, total=2)
    assert method.inactive == (idle.partition(":")[0],)


def test_its_control_is_random_batches_of_the_same_work() -> None:
    method = Combined([RandomSkipping("sample", 0.4), E2Train()])
    trained_with(method, epochs=20)
    control = method.control(seed=2)
    trained_with(control, epochs=20)
    assert control.work().executed_fraction == pytest.approx(
        method.work().executed_fraction, abs=0.1
    )


@pytest.mark.parametrize(
    ("methods", "why"),
    [
        ([E2Train(), RandomSkipping("batch")], "both act on batches"),
        ([E2Train(), RandomSkipping("step")], "both act on batches"),
        ([DeadHorse("dh"), DeadHorse("cdh")], "both act on samples"),
        ([GSkip(), RandomSkipping("layer")], "both act on layers"),
        ([GSkip(), Dense()], "dense cannot be combined"),
        ([Combined([GSkip(), E2Train()]), DeadHorse()], "combined cannot be combined"),
        ([GSkip()], "two methods or more"),
    ],
)
def test_what_makes_no_sense_together_is_refused(methods: list[Method], why: str) -> None:
    with pytest.raises(AttachError, match=why):
        Combined(methods)


def test_a_part_that_is_attached_already_is_refused_before_anything_changes() -> None:
    part, trainee = GSkip(), Trainee()
    part.attach(trainee.model, trainee.optimizer)
    model = small_network()
    with pytest.raises(AttachError, match="attached already"):
        Combined([E2Train(), part]).attach(model, torch.optim.SGD(model.parameters(), 0.1))
    assert not any(module._forward_hooks for module in model.modules())


def test_a_text_joins_methods_with_plus() -> None:
    method = parse_method("gskip:loss_tolerance=1e+3,hold=2 + e2-train:keep=0.3", seed=4)
    assert names(method) == ["e2-train", "gskip"]
    assert isinstance(method, Combined)


def test_no_part_shares_the_seed_of_another_part_or_of_another_training() -> None:
    text = "random-skipping:level=sample+random-skipping:level=batch"
    several = [parse_method(text, seed=seed) for seed in range(3)]
    seeds = [part.generator.initial_seed() for m in several for part in parts_of(m)]
    assert len(set(seeds)) == 6
    again = [part.generator.initial_seed() for part in parts_of(parse_method(text, seed=0))]
    assert again == seeds[:2]


@pytest.mark.parametrize(
    "gradients", ["ssprop:schedule=constant", "max-gradient:schedule=s1", "meprop:k=2"]
)
def test_skipping_layers_and_rewriting_their_gradients_go_together(gradients: str) -> None:
    layers = "random-skipping:level=layer,rate=0.6,seed=0"
    alone, together = parse_method(layers), parse_method(f"{gradients}+{layers}")
    assert names(together) == ["random-skipping", gradients.partition(":")[0]]
    for method in (alone, together):
        trained_with(method)
    assert together.active
    assert together.work().executed.backward < alone.work().executed.backward


def test_a_text_gives_each_part_a_seed_of_its_own_if_asked() -> None:
    method = parse_method("e2-train:seed=9+deadhorse:policy=cdh")
    assert isinstance(method, Combined)
    seeds = [part.seed for part in method.methods]
    assert seeds[0] == 9
    assert seeds[1] != 9


@pytest.mark.parametrize("name", ["gskip", "deadhorse", "random-skipping", "e2-train"])
def test_methods_are_known_by_their_names(name: str) -> None:
    assert parse_method(name).name == name


def test_a_series_of_numbers_is_parted_by_slashes() -> None:
    method = parse_method("random-skipping:level=batch,executed_fractions=1/0,epochs_per_segment=1")
    assert trained_with(method).rows_trained == ROWS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("gskip+nothing", "unknown method 'nothing'"),
        ("gskip:speed=2", "gskip has no parameter 'speed'"),
        ("deadhorse:policy=pony", "dh, ddh, sddh"),
        ("random-skipping:executed_fractions=a/b", "numbers separated by /"),
        ("deadhorse:probability=often", "a number or confidence"),
        ("gskip+random-skipping:level=layer", "both act on layers"),
    ],
)
def test_a_wrong_text_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        parse_method(text)
    assert "\n" not in str(refused.value)
