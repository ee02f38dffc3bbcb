"""The fuzzers themselves: some steps of each, and faults that they must find."""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.fuzz_files import FileFuzzer
from tests.fuzz.fuzz_protocol import ProtocolFuzzer
from tests.fuzz.report_check import FaultError, check_figures, check_view

STEPS = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FileFuzzer:
    return FileFuzzer(tmp_path_factory.mktemp("files"))


def test_some_steps_of_the_file_fuzzer_find_nothing(files: FileFuzzer) -> None:
    for step in range(STEPS):
        files.step(Random(f"0/{step}"))


def test_a_step_is_repeated_by_its_seed(files: FileFuzzer) -> None:
    made = []
    for _ in range(2):
        files.step(Random("1/1"))
        made.append(files.input.read_bytes())
    assert made[0] == made[1]


def test_some_steps_of_the_protocol_fuzzer_find_nothing(tmp_path: Path) -> None:
    with ProtocolFuzzer(tmp_path) as fuzzer:
        for step in range(4 * STEPS):
            fuzzer.step(Random(f"0/{step}"))


def test_figures_that_differ_unsaid_are_a_fault(files: FileFuzzer) -> None:
    shown = files.shown("made")
    check_figures(shown, shown)
    other = shown.replace('"duration_s": 2.8', '"duration_s": 2.9')
    assert other != shown
    with pytest.raises(FaultError):
        check_figures(other, shown)
    check_figures(other.replace('"warnings": [', '"warnings": ["damaged: batch 1 of 2", '), shown)


def test_an_option_that_does_not_exist_is_no_fault_of_a_file(files: FileFuzzer) -> None:
    assert check_view(files.input, ("--nonsense",)) == ""
