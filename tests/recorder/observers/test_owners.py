"""Which recorded program a process belongs to, as processes come, go and leave their parents."""

from effmeter.recorder.observers.owners import Owners
from effmeter.recorder.observers.processes import Process

INIT, SHELL, COMMAND, TRAINING, WORKER, OTHER = 1, 10, 20, 30, 31, 40


def process(pid: int, parent: int, *, session: int = SHELL, started: float = 0.0) -> Process:
    return Process(pid, parent, session, started or 100.0 + pid, "", 0.0, 0.0)


def listed(*processes: Process) -> dict[int, Process]:
    return {p.pid: p for p in (process(INIT, 0, session=INIT), process(SHELL, INIT), *processes)}


FAMILY = (process(COMMAND, SHELL), process(TRAINING, COMMAND), process(WORKER, TRAINING))


def test_a_process_belongs_to_the_nearest_program_that_it_descends_from() -> None:
    owners = Owners().update(listed(*FAMILY, process(OTHER, SHELL)), {COMMAND, TRAINING})
    assert owners == {COMMAND: COMMAND, TRAINING: TRAINING, WORKER: TRAINING}


def test_a_program_that_joins_takes_its_descendants_with_it() -> None:
    owners = Owners()
    processes = listed(*FAMILY)
    assert owners.update(processes, {COMMAND})[WORKER] == COMMAND
    assert owners.update(processes, {COMMAND, TRAINING})[WORKER] == TRAINING


def test_a_process_keeps_its_program_when_its_parent_ends() -> None:
    owners = Owners()
    owners.update(listed(*FAMILY), {COMMAND})
    orphaned = listed(process(COMMAND, SHELL), process(WORKER, INIT))
    assert owners.update(orphaned, {COMMAND})[WORKER] == COMMAND
    again = listed(process(COMMAND, SHELL), process(WORKER, INIT), process(32, WORKER))
    assert owners.update(again, {COMMAND})[32] == COMMAND


def test_a_child_that_was_never_seen_beside_its_parent_is_known_by_its_session() -> None:
    owners = Owners()
    daemon = process(50, INIT, session=TRAINING)
    assert owners.update(listed(*FAMILY, daemon), {COMMAND})[50] == COMMAND


def test_a_child_listed_with_the_end_of_its_parent_belongs_to_its_program() -> None:
    owners = Owners()
    owners.update(listed(*FAMILY), {COMMAND})
    later = listed(process(COMMAND, SHELL), process(50, WORKER))
    assert owners.update(later, {COMMAND})[50] == COMMAND


def test_a_later_process_of_the_same_number_is_a_stranger() -> None:
    owners = Owners()
    owners.update(listed(*FAMILY), {COMMAND})
    reused = listed(
        process(COMMAND, INIT, started=999.0, session=INIT),
        process(WORKER, INIT, started=999.0, session=INIT),
    )
    assert not owners.update(reused, {COMMAND}).keys() & reused.keys()


def test_new_processes_of_the_same_program_are_found_one_by_one() -> None:
    owners = Owners()
    for count in range(1, 5):
        children = [process(100 + place, TRAINING) for place in range(count)]
        found = owners.update(listed(*FAMILY, *children), {COMMAND})
        assert {child.pid for child in children} <= found.keys()
