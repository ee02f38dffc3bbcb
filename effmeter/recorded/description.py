"""The descriptions in a run's rows, which are JSON: of channels, sources and labels.

A description that is no object, or has a field of the wrong type, is a NotARunError.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from effmeter.channel import Channel, Refusal
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
from effmeter.typed_fields import (
    Check,
    fields_in,
    label,
    mapping_of,
    optional,
    plain,
    text,
    tuple_of,
    whole,
)


def described(json_text: str | None) -> dict[str, Any]:
    """The object in a row's text; empty where the row has none."""
    try:
        found: dict[str, Any] = _object(json.loads(json_text or "{}"))
    except (ValueError, RecursionError) as error:
        raise NotARunError(f"a description is broken: {error}") from error
    return found


def channel_named(name: str, json_text: str | None) -> Channel:
    """The channel that its row describes."""
    channel = Channel.from_mapping(described(json_text))
    if channel.name != name:
        raise NotARunError(f"the row of the channel {name} describes {channel.name}")
    return channel


def labels_in(found: Mapping[str, Any]) -> dict[str, Label]:
    """The labels in an object."""
    labels: dict[str, Label] = _known({"labels": found}, _SOURCE_FIELDS)["labels"]
    return labels


def source_of(note: Note) -> Source:
    """The program that a ``source`` note describes."""
    found = _known(described(note.text), _SOURCE_FIELDS)
    program = found.get("program")
    pid = _known(program or {}, {"pid": optional(whole())}).get("pid")
    _known(program or {}, _DEVICE_FIELDS)
    return Source(
        id=str(note.source),
        root=note.id,
        name=found.get("name") or "",
        host=found.get("host") or "",
        rank=found.get("rank"),
        local_rank=found.get("local_rank"),
        pid=found.get("pid") or pid,
        program=program,
        labels=found.get("labels") or {},
        run_id=found.get("run_id"),
        parent_run_id=found.get("parent_run_id"),
        job=found.get("job") or {},
    )


def with_devices(source: Source, note: Note) -> Source:
    """The source with what a ``devices`` note states about its program's devices."""
    facts = described(note.text)
    _known(facts, _DEVICE_FIELDS)
    program = source.program if isinstance(source.program, dict) else {}
    others = {name: fact for name, fact in program.items() if name not in DEVICE_FACTS}
    return replace(source, program={**others, **facts})


def _unread_device(value: Any) -> Refusal:
    try:
        return unread_device(value)
    except KeyError as error:
        raise ValueError(f"lacks {error}") from None


_object = mapping_of(plain)
_SOURCE_FIELDS: Mapping[str, Check] = {
    "name": optional(text),
    "host": optional(text),
    "rank": optional(whole()),
    "local_rank": optional(whole()),
    "pid": optional(whole()),
    "program": optional(_object),
    "labels": optional(mapping_of(label)),
    "run_id": optional(text),
    "parent_run_id": optional(text),
    "job": optional(_object),
}
_DEVICE_FIELDS: Mapping[str, Check] = {
    VISIBILITY_UNKNOWN: optional(text),
    DEVICE_CAUTIONS: optional(tuple_of(text)),
    HIDDEN_CHANNELS: optional(tuple_of(text)),
    UNREAD_DEVICES: optional(tuple_of(_unread_device)),
}
"""What a program's description says of its devices."""


def _known(found: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """The known fields of a description."""
    try:
        return fields_in(found, checks)
    except ValueError as error:
        raise NotARunError(f"a description is broken: {error}") from None
