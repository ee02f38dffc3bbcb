"""The descriptions in a run's rows, which are JSON: of channels, sources and labels.

A description that is no object, or has a field of the wrong type, is a NotARunError.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from effmeter.channel import Channel
from effmeter.cover import (
    DEVICE_CAUTIONS,
    DEVICE_FACTS,
    HIDDEN_CHANNELS,
    UNREAD_DEVICES,
    VISIBILITY_UNKNOWN,
    unread_device,
)
from effmeter.errors import NotARunError
from effmeter.recorded.records import Note, Source
from effmeter.runfile.format import Label


def described(text: str | None) -> dict[str, Any]:
    """The object in a row's text; empty where the row has none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise NotARunError("a description is broken") from error
    if not isinstance(found, dict):
        raise NotARunError("a description is no object")
    return found


def channel_named(name: str, text: str | None) -> Channel:
    """The channel that its row describes."""
    channel = Channel.from_mapping(described(text))
    if channel.name != name:
        raise NotARunError(f"the row of the channel {name} describes {channel.name}")
    return channel


def labels_in(found: Mapping[str, Any]) -> dict[str, Label]:
    """The labels in an object."""
    if not all(isinstance(value, str | int | float) for value in found.values()):
        raise NotARunError("a label is no text, number or truth value")
    return dict(found)


def source_of(note: Note) -> Source:
    """The program that a ``source`` note describes."""
    found = described(note.text)
    program = _field(found, "program", dict)
    _check_devices(program or {})
    return Source(
        id=str(note.source),
        root=note.id,
        name=str(found.get("name", "")),
        host=str(found.get("host", "")),
        rank=_field(found, "rank", int),
        local_rank=_field(found, "local_rank", int),
        pid=_field(found, "pid", int) or _field(program or {}, "pid", int),
        program=program,
        labels=labels_in(_field(found, "labels", dict) or {}),
        run_id=_field(found, "run_id", str),
        parent_run_id=_field(found, "parent_run_id", str),
        job=_field(found, "job", dict) or {},
    )


def with_devices(source: Source, note: Note) -> Source:
    """The source with what a ``devices`` note states about its program's devices."""
    facts = described(note.text)
    _check_devices(facts)
    program = source.program if isinstance(source.program, dict) else {}
    others = {name: fact for name, fact in program.items() if name not in DEVICE_FACTS}
    return replace(source, program={**others, **facts})


def _check_devices(program: Mapping[str, Any]) -> None:
    """NotARunError for a fact about devices that is not of its type."""
    if not isinstance(program.get(VISIBILITY_UNKNOWN) or "", str):
        raise NotARunError(f"the {VISIBILITY_UNKNOWN} of a program is no text")
    for name in (DEVICE_CAUTIONS, HIDDEN_CHANNELS):
        texts = program.get(name) or []
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise NotARunError(f"the {name} of a program are no texts")
    try:
        for unread in program.get(UNREAD_DEVICES) or ():
            unread_device(unread)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotARunError(f"the {UNREAD_DEVICES} of a program cannot be read") from error


def _field(found: Mapping[str, Any], name: str, kind: type) -> Any:
    """A field of the kind; None where it is null or missing."""
    value = found.get(name)
    if value is not None and not isinstance(value, kind):
        raise NotARunError(f"the {name} of a source is no {kind.__name__}")
    return value
