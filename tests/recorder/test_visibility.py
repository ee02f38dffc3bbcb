"""What the recorder makes of what a program says of its GPUs."""

import os

from effmeter.channel import Component
from effmeter.cover import VISIBLE_GPUS, unseen_gpus
from effmeter.probes.base import Discovery
from effmeter.recorder.visibility import with_visible_gpus
from tests.runfile.writing import counter

UUIDS = [f"GPU-{digit * 8}-0000-4000-8000-000000000000" for digit in "01"]
CHANNELS = [
    counter("cpu0"),
    *(counter(f"gpu{i}", Component.GPU, device=f"NVIDIA T4 {UUIDS[i]}") for i in (0, 1)),
    counter("gpu2", Component.GPU, device="AMD Instinct MI300X 0000:c1:00.0"),
]


def test_a_program_cannot_claim_what_it_sees() -> None:
    told = with_visible_gpus({VISIBLE_GPUS: "GPU-1", "pid": 7}, Discovery(), os.getpid())
    assert told == {"pid": 7}


def test_gpus_that_no_program_sees_are_told_by_their_uuids() -> None:
    programs = [{VISIBLE_GPUS: [UUIDS[1]]}, {VISIBLE_GPUS: [UUIDS[1]]}]
    assert unseen_gpus(CHANNELS, programs) == {"gpu0"}


def test_ranks_that_see_one_gpu_each_are_charged_for_all_of_them() -> None:
    assert unseen_gpus(CHANNELS, [{VISIBLE_GPUS: [u]} for u in UUIDS]) == frozenset()


def test_one_program_that_is_not_restricted_may_use_all() -> None:
    for other in ({}, None, {VISIBLE_GPUS: "all"}):
        assert unseen_gpus(CHANNELS, [{VISIBLE_GPUS: [UUIDS[1]]}, other]) == frozenset()


def test_without_programs_nothing_is_out_of_sight() -> None:
    assert unseen_gpus(CHANNELS, []) == frozenset()
