import pytest
import torch
from torch import Tensor

from effmeter.methods.structure.growing.directions import (
    ascended_directions,
    leading_directions,
    random_directions,
    replaced_where_silent,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (3, 8, 20)])
def test_the_leading_directions_carry_the_largest_singular_values(shape: tuple[int, ...]) -> None:
    matrix = drawn(*shape)
    found = leading_directions(matrix, 3, generator())
    values = torch.linalg.svdvals(matrix)[..., :3]
    torch.testing.assert_close(torch.linalg.vector_norm(matrix.mT @ found, dim=-2), values)
    torch.testing.assert_close(found.mT @ found, torch.eye(3).double().expand(*shape[:-2], 3, 3))


def test_large_matrices_go_by_their_gram_matrix() -> None:
    matrix = drawn(530, 540).float()
    found = leading_directions(matrix, 4, generator())
    values = torch.linalg.svdvals(matrix)[:4]
    torch.testing.assert_close(torch.linalg.vector_norm(matrix.T @ found, dim=0), values)


def test_more_units_than_directions_are_filled_up_at_random() -> None:
    found = leading_directions(drawn(3, 8), 5, generator())
    assert found.shape == (3, 5)
    assert torch.linalg.matrix_rank(found[:, :3]) == 3
    torch.testing.assert_close(torch.linalg.vector_norm(found, dim=0), torch.ones(5).double())
    assert len(torch.unique(found, dim=1).T) == 5


def test_a_direction_without_gradient_gives_way_to_a_random_one() -> None:
    matrix = torch.cat((drawn(3, 8), torch.zeros(1, 8).double()))
    found = leading_directions(matrix, 4, generator())
    replaced = replaced_where_silent(found, matrix, generator())
    assert torch.equal(replaced[:, :3], found[:, :3])
    assert bool((matrix.T @ replaced).norm(dim=0).min() > 0.01)


def test_ascent_reaches_the_singular_vectors() -> None:
    matrix = drawn(8, 20)
    start = random_directions(matrix, 3, generator())
    found = ascended_directions(lambda w: torch.linalg.vector_norm(matrix.T @ w), start, 200, 1.0)
    best = torch.linalg.vector_norm(torch.linalg.svdvals(matrix)[:3])
    assert torch.linalg.vector_norm(matrix.T @ found) == pytest.approx(best.item(), rel=1e-4)
    torch.testing.assert_close(found.T @ found, torch.eye(3).double())


def test_ascent_is_never_worse_than_its_start() -> None:
    start = torch.eye(4, 2).double()
    found = ascended_directions(
        lambda w: -(w - torch.eye(4, 2)).norm() + 0 * w.sum(), start, 5, 9.0
    )
    torch.testing.assert_close(found, start)


def test_the_same_generator_gives_the_same_directions() -> None:
    like = drawn(6, 2)
    assert torch.equal(
        random_directions(like, 3, generator(1)), random_directions(like, 3, generator(1))
    )
    assert not torch.equal(
        random_directions(like, 3, generator(1)), random_directions(like, 3, generator(2))
    )
