from typing import cast

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from effmeter.methods.method import AttachError, Batch, Dense


def a_net() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))


def batches() -> list[Batch]:
    generator = torch.Generator().manual_seed(5)
    return [
        Batch(torch.randn(4, 1, 3, 4, generator=generator), torch.tensor([0, 1, 2, 1]))
        for _ in range(4)
    ]


def trained(model: nn.Sequential, method: Dense | None) -> nn.Sequential:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    if method is not None:
        method.attach(model, optimizer)
    for batch in batches():
        if method is not None:
            assert method.begin_step(batch) is batch
        optimizer.zero_grad()
        cross_entropy(model(batch.inputs), batch.targets).backward()
        optimizer.step()
    return model


def test_a_model_with_no_method_and_with_dense_is_bit_for_bit_the_same() -> None:
    plain, attached = trained(a_net(), None), trained(a_net(), Dense())
    for one, other in zip(plain.parameters(), attached.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_account_stays_after_the_method_came_off() -> None:
    model, dense = a_net(), Dense()
    trained(model, dense)
    before = dense.work()
    dense.detach()
    assert dense.work() == before
    assert before.executed.total > 0
    assert not dense.active


def test_a_method_comes_off_at_the_end_of_its_context_also_after_an_error() -> None:
    model, dense = a_net(), Dense()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ZeroDivisionError), dense.attach(model, optimizer):
        raise ZeroDivisionError
    assert not any(layer._forward_hooks for layer in model)
    dense.detach()


def test_a_second_attachment_begins_a_new_account() -> None:
    dense = Dense()
    trained(a_net(), dense)
    first = dense.work()
    dense.detach()
    trained(a_net(), dense)
    assert dense.work() == first


def epochs_told(dense: Dense) -> int:
    return len(dense.executed_fractions(epochs_per_segment=1))


def trained_for_an_epoch(dense: Dense) -> None:
    trained(a_net(), dense)
    dense.end_epoch(1.0)


def test_a_second_attachment_forgets_the_epochs_of_the_first() -> None:
    dense = Dense()
    trained_for_an_epoch(dense)
    dense.detach()
    assert epochs_told(dense) == 1
    trained_for_an_epoch(dense)
    assert epochs_told(dense) == 1


def test_an_attachment_goes_on_with_the_epochs_of_a_loaded_state() -> None:
    dense, resumed = Dense(), Dense()
    trained_for_an_epoch(dense)
    resumed.load_state_dict(dense.state_dict())
    trained_for_an_epoch(resumed)
    assert epochs_told(resumed) == 2
    resumed.detach()
    trained_for_an_epoch(resumed)
    assert epochs_told(resumed) == 1


def test_attaching_twice_is_refused() -> None:
    model, dense = a_net(), Dense()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    dense.attach(model, optimizer)
    with pytest.raises(AttachError, match="attached already"):
        dense.attach(model, optimizer)


def test_a_step_without_attaching_names_the_remedy() -> None:
    with pytest.raises(AttachError, match=r"call attach\(model, optimizer\)"):
        Dense().begin_step(batches()[0])


def test_wrapped_and_compiled_models_are_refused_with_the_remedy() -> None:
    model = a_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(AttachError, match="before wrapping"):
        Dense().attach(nn.DataParallel(model), optimizer)
    with pytest.raises(AttachError, match="compile what comes out"):
        Dense().attach(cast("nn.Module", torch.compile(model)), optimizer)
    assert not any(layer._forward_hooks for layer in model)


def test_its_random_numbers_are_not_those_of_a_loop_of_the_same_seed() -> None:
    loop = torch.Generator().manual_seed(0)
    assert not torch.equal(
        torch.rand(3, generator=Dense().generator), torch.rand(3, generator=loop)
    )


def test_its_random_numbers_are_its_own_and_resume() -> None:
    before = torch.random.get_rng_state()
    dense = Dense(seed=8)
    torch.rand(3, generator=dense.generator)
    state = dense.state_dict()
    drawn = torch.rand(3, generator=dense.generator)
    resumed = Dense()
    resumed.load_state_dict(state)
    assert torch.equal(torch.rand(3, generator=resumed.generator), drawn)
    assert torch.equal(torch.random.get_rng_state(), before)
