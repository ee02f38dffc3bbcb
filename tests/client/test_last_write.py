"""Looking at other programs' files never holds up this one."""

import os
import threading
from pathlib import Path

from effmeter.client.last_write import LastWrites


def test_each_file_that_answers_has_its_time_and_a_missing_one_has_none(tmp_path: Path) -> None:
    file = tmp_path / "run.arrow"
    file.touch()
    os.utime(file, ns=(5, 7))
    missing = str(tmp_path / "missing.arrow")
    found = LastWrites().look_up([str(file), missing, "a\0b"], timeout_s=30)
    assert found == {str(file): 7, missing: None, "a\0b": None}


def test_a_file_that_does_not_answer_is_waited_for_once() -> None:
    answers, asked = threading.Event(), list[str]()

    def hang(path: str) -> os.stat_result:
        asked.append(path)
        answers.wait(60)
        return os.stat(os.devnull)

    last_writes = LastWrites(hang)
    assert last_writes.look_up(["hangs", "behind it"]) == {}
    assert last_writes.look_up(["another"]) == {}
    assert asked == ["hangs"]
    last_writes.forget()  # as in a forked child
    answers.set()
    assert last_writes.look_up(["now"], timeout_s=30).keys() == {"now"}


def test_nothing_is_asked_without_a_path() -> None:
    assert LastWrites().look_up([]) == {}
