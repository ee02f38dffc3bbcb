"""Who else used the devices: told by number and name, never of the recorded programs."""

import os
from collections.abc import Mapping

import pytest

from effmeter.probes.base import Failure
from effmeter.recorder.observers.contention import (
    HIDDEN_BY_CONTAINER,
    ContentionLog,
    DeviceContention,
    MachineSnapshot,
)
from effmeter.recorder.observers.processes import Process, family_of, list_processes, parse_stat

SHELL, TRAINING, WORKER, OTHER = 10, 20, 21, 30


def process(
    pid: int, parent: int = SHELL, busy_s: float = 0.0, *, reaped_s: float = 0.0, session: int = 1
) -> Process:
    return Process(pid, parent, session, 100.0 + pid, f"name{pid}", busy_s, reaped_s)


def listed(*processes: Process) -> dict[int, Process]:
    return {p.pid: p for p in (process(SHELL, 1), *processes)}


def at(
    time_s: float,
    busy_s: float = 0.0,
    processes: Mapping[int, Process] | None = None,
    *,
    sees_all: bool = True,
    **users: tuple[int, ...] | Failure,
) -> MachineSnapshot:
    return MachineSnapshot(round(time_s * 1e9), busy_s, users, processes, sees_all)


def recorded(names_processes: bool = True) -> ContentionLog:
    return ContentionLog(names_processes, {TRAINING})


# Processes


def test_a_line_of_proc_is_read_whatever_the_program_is_called() -> None:
    line = b"42 (a) R (b c)) S 7 8 9 0 -1 4194560 1 2 3 4 250 150 70 30 20 0 1 0 9000 1 2\n"
    assert parse_stat(line, 100) == Process(42, 7, 9, 9000.0, "a) R (b c)", 4.0, 1.0)


def test_a_thread_of_the_kernel_is_told_by_its_flags() -> None:
    line = b"30 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 5 0 0 20 0 1 0 90 0 0\n"
    assert parse_stat(line, 100).is_kernels


def test_this_process_is_listed_with_its_parent_and_its_work() -> None:
    me = list_processes()[os.getpid()]
    assert (me.parent, me.session) == (os.getppid(), os.getsid(0))
    times = os.times()
    assert 0 < me.busy_s <= times.user + times.system + 0.02


def test_a_family_is_all_that_descends_and_what_lives_in_its_sessions() -> None:
    orphan = process(50, parent=1, session=WORKER)
    processes = listed(process(TRAINING), process(WORKER, TRAINING), process(OTHER), orphan)
    family = family_of(processes, {TRAINING})
    assert {pid for pid, _ in family} == {TRAINING, WORKER, 50}


def test_a_member_stays_one_when_it_is_orphaned() -> None:
    known = family_of(listed(process(TRAINING), process(WORKER, TRAINING)), {TRAINING})
    later = listed(process(TRAINING), process(WORKER, parent=1), process(22, WORKER))
    assert {pid for pid, _ in family_of(later, {TRAINING}, known)} == {TRAINING, WORKER, 22}


def test_a_later_process_of_the_same_number_is_no_member() -> None:
    known = family_of(listed(process(TRAINING), process(WORKER, TRAINING)), {TRAINING})
    stranger = process(WORKER, SHELL)._replace(started=999.0)
    family = family_of(listed(process(TRAINING), stranger), {TRAINING}, known)
    assert stranger.key not in family


# GPUs


def test_other_processes_on_a_gpu_are_counted_and_named() -> None:
    processes = listed(process(TRAINING), process(WORKER, TRAINING), process(OTHER))
    told = list(recorded().changes(at(1, 0, processes, gpu0=(WORKER, OTHER), gpu1=(TRAINING,))))
    assert told == [DeviceContention("gpu0", 1, "name30 (30)")]


def test_only_changes_are_told() -> None:
    log, processes = recorded(), listed(process(TRAINING), process(OTHER))
    told = [
        list(log.changes(at(1, 0, processes, gpu0=(TRAINING,)))),
        list(log.changes(at(6, 0, processes, gpu0=(TRAINING, OTHER)))),
        list(log.changes(at(11, 0, None, gpu0=(TRAINING, OTHER)))),
        list(log.changes(at(16, 0, processes, gpu0=(TRAINING,)))),
    ]
    assert told == [
        [],
        [DeviceContention("gpu0", 1, "name30 (30)")],
        [],
        [DeviceContention("gpu0", 0, "")],
    ]


def test_only_the_first_few_of_many_are_named() -> None:
    others = range(100, 120)
    processes = listed(process(TRAINING), *map(process, others))
    (told,) = recorded().changes(at(1, 0, processes, gpu0=tuple(others)))
    assert told.others == 20
    assert told.text.endswith("name104 (104), 15 more")


def test_a_stranger_learns_how_many_others_there_are_and_nothing_of_them() -> None:
    processes = listed(process(TRAINING), process(OTHER))
    log = recorded(names_processes=False)
    assert list(log.changes(at(1, 0, processes, gpu0=(OTHER,)))) == [
        DeviceContention("gpu0", 1, "")
    ]
    busy = listed(process(TRAINING), process(OTHER, busy_s=4.0))
    (told,) = log.changes(at(6, 4.0, busy, gpu0=(OTHER,)))
    assert told == DeviceContention(None, 1, "100% of the processors' work")


@pytest.mark.parametrize(
    ("users", "sees_all", "reason"),
    [(Failure("Not Supported"), True, "Not Supported"), ((OTHER,), False, HIDDEN_BY_CONTAINER)],
)
def test_users_that_cannot_be_told_are_unknown_and_not_none(
    users: tuple[int, ...] | Failure, sees_all: bool, reason: str
) -> None:
    seen = at(1, 0, listed(process(TRAINING)), sees_all=sees_all, gpu0=users)
    assert list(recorded().changes(seen)) == [DeviceContention("gpu0", None, reason)]


def test_an_unused_gpu_is_known_to_be_unused_even_in_a_container() -> None:
    seen = at(1, 0, listed(process(TRAINING)), sees_all=False, gpu0=())
    assert list(recorded().changes(seen)) == []


# Processors


def working(log: ContentionLog, busy_s: float, *processes: Process) -> list[DeviceContention]:
    """What is told of five seconds in which all work is ``busy_s``."""
    idle = [process(p.pid, p.parent) for p in processes]
    assert list(log.changes(at(0, 0, listed(process(TRAINING), *idle)))) == []
    return list(log.changes(at(5, busy_s, listed(*processes))))


def test_work_of_others_is_told_with_its_share_and_the_busiest_first() -> None:
    others = (process(30, busy_s=1.0), process(31, busy_s=3.0))
    told = working(recorded(), 8.0, process(TRAINING, busy_s=4.0), *others)
    assert told == [
        DeviceContention(None, 2, "50% of the processors' work: name31 (31), name30 (30)")
    ]


def test_work_of_the_recorded_and_their_children_is_their_own() -> None:
    children = (process(WORKER, TRAINING, 3.0), process(22, WORKER, 2.0))
    assert working(recorded(), 10.0, process(TRAINING, busy_s=5.0), *children) == []


def test_work_of_children_that_ended_is_their_parents() -> None:
    log = recorded()
    before = listed(process(TRAINING), process(WORKER, TRAINING, 50.0))
    assert list(log.changes(at(0, 50.0, before))) == []
    after = listed(process(TRAINING, busy_s=1.0, reaped_s=53.0))
    assert list(log.changes(at(5, 54.0, after))) == []


def test_what_an_orphan_did_before_is_not_charged_to_others() -> None:
    log = recorded()
    list(log.changes(at(0, 0.0, listed(process(TRAINING), process(WORKER, TRAINING)))))
    list(log.changes(at(5, 50.0, listed(process(TRAINING), process(WORKER, 1, 50.0)))))
    assert list(log.changes(at(10, 54.0, listed(process(TRAINING, busy_s=4.0))))) == []


def test_others_that_came_and_went_between_are_at_least_one() -> None:
    told = working(recorded(), 6.0, process(TRAINING, busy_s=3.0))
    assert told == [DeviceContention(None, 1, "50% of the processors' work")]


@pytest.mark.parametrize(("own_s", "others_s"), [(1.0, 2.0), (40.0, 4.0)])
def test_a_little_work_of_others_is_no_contention(own_s: float, others_s: float) -> None:
    own, other = process(TRAINING, busy_s=own_s), process(OTHER, busy_s=others_s)
    assert working(recorded(), own_s + others_s, own, other) == []


def test_the_recorder_and_the_kernel_serve_all() -> None:
    recorder = process(os.getpid(), 1, 4.0)
    kernel = process(40, 2, 3.0)._replace(is_kernels=True)
    own = process(TRAINING, busy_s=4.0)
    assert working(recorded(), 11.0, own, recorder, kernel) == []


def test_the_end_of_contention_is_told_though_nothing_is_listed_any_more() -> None:
    log = recorded()
    (told,) = working(log, 5.0, process(TRAINING), process(OTHER, busy_s=5.0))
    assert told.others == 1
    assert list(log.changes(at(10, 5.1))) == [DeviceContention(None, 0, "")]


def test_without_a_recorded_program_that_can_be_told_apart_nothing_is_told() -> None:
    assert list(ContentionLog().changes(at(1, 0, listed(process(OTHER)), gpu0=(OTHER,)))) == []
