"""Calls of a vendor's library pass through, and what they answered is kept."""

import ctypes
import sys
from enum import IntEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from effmeter.probes.capture.library import CallLog, TappedLibrary, tapped_libraries
from tests.simulated.clock import ManualClock


class Value(ctypes.Union):
    _fields_ = (("dVal", ctypes.c_double), ("ullVal", ctypes.c_ulonglong))


class Place(ctypes.Structure):
    _fields_ = (("busId", ctypes.c_char * 16), ("bus", ctypes.c_uint), ("chip", ctypes.c_uint))


class Clocks(IntEnum):
    GRAPHICS = 4


class RefusedError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"refused with {value}")
        self.value = value


def tapped(**functions: Any) -> tuple[TappedLibrary, CallLog, ManualClock]:
    clock = ManualClock(1_000)
    log = CallLog(clock.now_ns, 400)
    return TappedLibrary(SimpleNamespace(**functions), "library", log), log, clock


def only_answer(log: CallLog) -> Any:
    ((_, answer),) = log.as_list()[0]["answers"]
    return answer["value"]


def test_an_answer_is_handed_on_and_kept_with_its_time() -> None:
    library, log, _ = tapped(power=lambda handle, scope: [125_000, "mW"])
    assert library.power(3, Clocks.GRAPHICS) == [125_000, "mW"]
    assert log.as_list() == [
        {
            "call": "power",
            "arguments": [3, 4],
            "answers": [[600, {"value": [125_000, "mW"]}]],
        }
    ]


def test_only_answers_that_differ_are_kept() -> None:
    shown = iter([1, 1, 2, 2, 1])
    library, log, clock = tapped(energy=lambda: next(shown))
    for _ in range(5):
        library.energy()
        clock.time_ns += 10
    assert [answer for _, answer in log.as_list()[0]["answers"]] == [
        {"value": 1},
        {"value": 2},
        {"value": 1},
    ]


def test_an_error_is_raised_and_kept() -> None:
    def refuse() -> None:
        raise RefusedError(15)

    library, log, _ = tapped(energy=refuse)
    with pytest.raises(RefusedError):
        library.energy()
    kept = {"error": "RefusedError", "text": "refused with 15", "code": 15}
    assert log.as_list()[0]["answers"][0][1] == kept


def test_a_union_is_kept_bit_by_bit() -> None:
    library, log, _ = tapped(value=lambda: Value(ullVal=0x0102))
    library.value()
    assert only_answer(log) == {"union": "0201000000000000", "type": "Value"}


def test_a_structure_is_kept_by_its_fields_without_the_numbers_of_its_place() -> None:
    library, log, _ = tapped(place=lambda: Place(b"0000:3b:00.0", 59, 7))
    library.place()
    assert only_answer(log) == {"object": {"busId": "0000:3b:00.0", "chip": 7}}


def test_what_is_opaque_has_a_number_of_its_own() -> None:
    one, other = ctypes.c_void_p(4096), ctypes.c_void_p(8192)
    library, log, _ = tapped(handles=lambda: [one, other], name=lambda handle: "card")
    library.handles()
    library.name(ctypes.c_void_p(8192))
    handles, named = log.as_list()
    assert handles["answers"][0][1] == {"value": [{"handle": 0}, {"handle": 1}]}
    assert named["arguments"] == [{"handle": 1}]


def test_values_that_json_lacks_are_kept_as_what_they_mean() -> None:
    answer = {"a": (1, float("nan")), Clocks.GRAPHICS: b"text", "b": Clocks.GRAPHICS}
    library, log, _ = tapped(all=lambda: answer)
    library.all()
    assert only_answer(log) == {"dict": {"a": [1, None], "4": "text", "b": 4}}


def test_serial_numbers_are_not_kept() -> None:
    library, log, _ = tapped(nvmlDeviceGetSerial=lambda: "1564720011")
    assert library.nvmlDeviceGetSerial() == "1564720011"
    assert only_answer(log) == "removed"


def test_constants_and_errors_are_the_library_s_own() -> None:
    library, log, _ = tapped(POWER=7, RefusedError=RefusedError)
    assert library.POWER == 7
    assert library.RefusedError is RefusedError
    assert log.as_list() == []


def test_the_libraries_are_back_in_their_places_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in = ModuleType("amdsmi")
    monkeypatch.setitem(sys.modules, "amdsmi", stand_in)
    with tapped_libraries(ManualClock().now_ns, 0) as logs:
        assert isinstance(sys.modules["amdsmi"], TappedLibrary)
        assert "amdsmi" in logs
    assert sys.modules["amdsmi"] is stand_in
