"""A run names the recorder that measured it."""

from typing import Any

import pytest

from effmeter.recorded.recorder_identity import RecorderIdentity, recorder_in
from tests.runfile.writing import metadata

PROCESS = {"uid": 0, "user": "root", "pid": 7, "since_wall_s": 1.7e9, "socket": "/run/effmeter"}


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        ({}, "unknown"),
        ({"recorder": "private"}, "private"),
        ({"recorder": "private", "recorder_process": PROCESS}, "private, process 7"),
        ({"recorder": "shared", "recorder_process": {"uid": 5}}, "shared, of uid 5"),
        (
            {"recorder": "shared", "recorder_process": PROCESS},
            "shared, of root, process 7, since 2023-11-14T22:13:20+00:00, at /run/effmeter",
        ),
    ],
)
def test_a_recorder_is_named_as_far_as_the_file_states_it(
    sampling: dict[str, Any], words: str
) -> None:
    assert str(recorder_in(metadata(sampling=sampling))) == words


def test_a_field_of_another_type_counts_as_not_stated() -> None:
    process = {"uid": "x", "user": 5, "pid": True, "since_wall_s": 1e300, "socket": []}
    sampling = {"recorder": 7, "recorder_process": process}
    assert recorder_in(metadata(sampling=sampling)) == RecorderIdentity("")
    assert recorder_in(metadata(sampling={"recorder_process": [1]})) == RecorderIdentity("")
