"""Descriptions in rows: each field has its type, or the file is no run."""

import json
from typing import Any

import pytest

from effmeter.errors import NotARunError
from effmeter.recorded.description import (
    channel_named,
    described,
    labels_in,
    source_of,
    with_devices,
)
from effmeter.recorded.records import Note
from tests.runfile.writing import counter


def note(text: str) -> Note:
    return Note(0, 0, "host/-/42", 1, "source", None, text)


def test_a_row_without_a_text_describes_nothing() -> None:
    assert described(None) == {}


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, '{"size": ' + "9" * 5000 + "}"])
def test_what_describes_no_object_is_refused(text: str) -> None:
    with pytest.raises(NotARunError, match="a description is"):
        described(text)


def test_a_channel_is_described_in_its_own_row() -> None:
    channel = counter("cpu0")
    assert channel_named("cpu0", channel.to_json()) == channel
    with pytest.raises(NotARunError, match="the row of the channel cpu1 describes cpu0"):
        channel_named("cpu1", channel.to_json())


def test_a_label_is_a_plain_value() -> None:
    assert labels_in({"size": 1, "depth": "deep"}) == {"size": 1, "depth": "deep"}
    with pytest.raises(NotARunError, match="label"):
        labels_in({"size": {"nested": 1}})


def test_a_source_is_as_its_note_describes_it() -> None:
    text = {"name": "train.py", "host": "h", "rank": 2, "program": {"pid": 42}, "labels": {"a": 1}}
    source = source_of(note(json.dumps(text)))
    assert (source.id, source.root, source.name, source.host) == ("host/-/42", 1, "train.py", "h")
    assert (source.rank, source.local_rank, source.pid) == (2, None, 42)
    assert (source.labels, source.run_id) == ({"a": 1}, None)


@pytest.mark.parametrize(
    "change",
    [
        {"rank": "x"},
        {"local_rank": 1.5},
        {"pid": [1]},
        {"labels": [1]},
        {"labels": {"a": [1]}},
        {"program": "train.py"},
        {"program": {"pid": "x"}},
        {"program": {"visible_gpus_unknown": ["a"]}},
    ],
    ids=str,
)
def test_a_source_with_a_field_of_the_wrong_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotARunError):
        source_of(note(json.dumps(change)))


def test_a_later_statement_about_devices_replaces_the_earlier_one() -> None:
    text = {"program": {"pid": 42, "hidden_channels": ["gpu0"], "visible_gpus": ["GPU-b"]}}
    source = source_of(note(json.dumps(text)))
    unread = {"device": "GPU-c", "component": "gpu", "reason": "the recorder does not see it"}
    for facts in ({"unread_devices": [unread]}, {}):
        source = with_devices(source, note(json.dumps(facts)))
        assert source.program == {"pid": 42, **facts}


@pytest.mark.parametrize(
    "facts",
    [
        {"hidden_channels": [7]},
        {"hidden_channels": "gpu0"},
        {"device_cautions": [None]},
        {"visible_gpus_unknown": 7},
        {"unread_devices": [{}]},
        {"unread_devices": 7},
        {"unread_devices": [{"device": "a", "component": "heart", "reason": ""}]},
    ],
    ids=str,
)
def test_devices_that_are_described_wrongly_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(NotARunError):
        with_devices(source_of(note("{}")), note(json.dumps(facts)))
