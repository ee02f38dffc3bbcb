"""The process group of torch.distributed, read without importing anything."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from effmeter.client.process_group import ProcessGroup, default_group


class Distributed(ModuleType):
    """``torch.distributed`` as far as it matters here."""

    def __init__(self, store: Any = None, initialised: bool = True) -> None:
        super().__init__("torch.distributed")
        self._initialised = initialised
        self.distributed_c10d = SimpleNamespace(_get_default_store=lambda: store)

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return self._initialised

    def get_rank(self) -> int:
        return 1

    def get_world_size(self) -> int:
        return 2


@pytest.mark.parametrize("module", [None, Distributed(initialised=False)])
def test_without_an_initialised_group_there_is_none(
    module: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.distributed", module)
    assert default_group() is None


def test_the_store_that_others_wrap_is_where_the_members_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tcp = SimpleNamespace(host="localhost", port=1234)
    wrapped = SimpleNamespace(underlying_store=SimpleNamespace(underlying_store=tcp))
    monkeypatch.setitem(sys.modules, "torch.distributed", Distributed(wrapped))
    assert default_group() == ProcessGroup(1, 2, ("localhost", "1234"))


def test_a_torch_without_the_name_of_its_store_leaves_the_place_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = Distributed()
    del module.distributed_c10d
    monkeypatch.setitem(sys.modules, "torch.distributed", module)
    assert default_group() == ProcessGroup(1, 2, ())


def test_a_torch_without_distribution_has_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.distributed", ModuleType("torch.distributed"))
    assert default_group() is None
