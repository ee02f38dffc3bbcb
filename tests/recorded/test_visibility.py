"""Hidden devices of files that name the visible ones."""

from effmeter.channel import Component
from effmeter.cover import HIDDEN_CHANNELS, hidden_channels
from effmeter.recorded.visibility import with_hidden_channels
from tests.runfile.writing import counter

UUIDS = [f"GPU-{digit * 8}-0000-4000-8000-000000000000" for digit in "01"]
CHANNELS = [
    counter("cpu0"),
    *(counter(f"gpu{i}", Component.GPU, device=f"NVIDIA T4 {UUIDS[i]}") for i in (0, 1)),
    counter("gpu2", Component.GPU, device="AMD Instinct MI300X 0000:c1:00.0"),
]
SECOND = {"visible_gpus": [UUIDS[1]]}


def hidden(*programs: object) -> frozenset[str]:
    return hidden_channels([with_hidden_channels(p, CHANNELS) for p in programs])


def test_gpus_that_no_program_sees_are_hidden_by_their_uuids() -> None:
    assert hidden(SECOND, SECOND) == {"gpu0"}


def test_ranks_that_see_one_gpu_each_are_charged_for_all_of_them() -> None:
    assert hidden(*({"visible_gpus": [u]} for u in UUIDS)) == frozenset()


def test_one_program_that_is_not_restricted_may_use_all() -> None:
    for other in ({}, None, {"visible_gpus": "all"}, {HIDDEN_CHANNELS: "gpu0"}):
        assert hidden(SECOND, other) == frozenset()


def test_without_programs_nothing_is_hidden() -> None:
    assert hidden() == frozenset()


def test_hidden_channels_that_the_recorder_stated_are_kept() -> None:
    assert hidden({HIDDEN_CHANNELS: ["gpu1"], "visible_gpus": [UUIDS[1]]}) == {"gpu1"}
