"""What the tests of kernels leave behind: nothing that changes how other tests compute."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def torch_keeps_its_threads() -> Iterator[None]:
    """Numba's threads, where they start, set the number of PyTorch's threads too.

    effmeter.methods.ops undoes this; these tests call the kernels directly.
    """
    before = torch.get_num_threads()
    yield
    if torch.get_num_threads() != before:
        torch.set_num_threads(before)
