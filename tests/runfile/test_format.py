"""What stands in a run file's schema is read back as it was written."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.errors import NewerFormatError, NotARunError
from effmeter.runfile.format import (
    COLUMNS,
    FORMAT_VERSION,
    METADATA_KEY,
    VERSION_KEY,
    Event,
    Metadata,
    NoteName,
    arrow_schema,
)

CHANNEL = Channel(
    "gpu0",
    Component.GPU,
    Kind.COUNTER,
    Provenance.MEASURED,
    "nvmlDeviceGetTotalEnergyConsumption",
    0.1,
    unit_j=1e-3,
    contained_in="module0",
    modulus=2**64,
    least_power_w=1.0,
)
METADATA = Metadata(
    run_id="1",
    name="run",
    started_wall_ns=1,
    started_time_ns=2,
    labels={"size": 1, "lr": 0.1, "name": "x", "fast": True},
    channels=(CHANNEL,),
    refusals=(Refusal("dram", Component.RAM, "not readable", "ask root", present=False),),
)

REFUSED = {"source": "dram", "component": "ram", "reason": "not readable"}


def described(**more: object) -> dict[bytes, bytes]:
    """Metadata as it stands in a file, with some of it changed."""
    arrow = METADATA.to_arrow()
    return {**arrow, METADATA_KEY: json.dumps({**json.loads(arrow[METADATA_KEY]), **more}).encode()}


def test_metadata_survives_the_file() -> None:
    assert Metadata.from_arrow(METADATA.to_arrow()) == METADATA


def test_channel_leaves_out_what_is_default_and_survives() -> None:
    written = json.loads(CHANNEL.to_json())
    assert "window_s" not in written
    assert Channel.from_mapping(written) == CHANNEL


def test_what_a_later_version_added_is_passed_over() -> None:
    channel = {**json.loads(CHANNEL.to_json()), "colour": "green"}
    read = Metadata.from_arrow(described(channels=[channel], mood="good"))
    assert read == METADATA


@pytest.mark.parametrize("metadata", [None, {}, {b"pandas": b"{}"}, {VERSION_KEY: b"1"}])
def test_arrow_metadata_of_others_is_no_run(metadata: dict[bytes, bytes] | None) -> None:
    with pytest.raises(NotARunError, match="not one that effmeter recorded"):
        Metadata.from_arrow(metadata)


def test_newer_format_is_refused_before_it_is_read() -> None:
    newer = {VERSION_KEY: str(FORMAT_VERSION + 1).encode(), METADATA_KEY: b"{}"}
    with pytest.raises(NewerFormatError, match="upgrade"):
        Metadata.from_arrow(newer)


@pytest.mark.parametrize(
    "broken",
    [
        {**METADATA.to_arrow(), VERSION_KEY: b"one"},
        {**METADATA.to_arrow(), METADATA_KEY: b"{"},
        {**METADATA.to_arrow(), METADATA_KEY: b"[]"},
        described(channels=[{"name": "gpu0"}]),
        described(channels=[{**json.loads(CHANNEL.to_json()), "component": "soul"}]),
        described(refusals=[{"source": "dram"}]),
    ],
    ids=["version", "no JSON", "no mapping", "bare channel", "odd component", "bare refusal"],
)
def test_broken_metadata_is_no_run(broken: dict[bytes, bytes]) -> None:
    with pytest.raises(NotARunError, match="cannot be read"):
        Metadata.from_arrow(broken)


def test_columns_are_plain() -> None:
    schema = arrow_schema(METADATA)
    assert schema.names == list(COLUMNS)
    assert not any(pa.types.is_dictionary(field.type) for field in schema)
    assert schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert arrow_schema().metadata is None


def test_gauge_has_no_modulus_to_tell() -> None:
    gauge = replace(CHANNEL, kind=Kind.GAUGE, modulus=None)
    assert Channel.from_mapping(json.loads(gauge.to_json())).modulus is None


def test_every_event_and_column_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "run-file.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = {name.strip(" `") for row in rows for name in row.split(",")}
    assert set(COLUMNS) | set(map(str, Event)) | set(map(str, NoteName)) <= documented


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": None},
        {"name": 5},
        {"git_commit": [1]},
        {"started_wall_ns": "1"},
        {"started_wall_ns": 2**200},
        {"started_time_ns": -1},
        {"started_time_ns": 1.5},
        {"part": True},
        {"labels": [1]},
        {"labels": {"size": {"nested": 1}}},
        {"host": []},
        {"sampling": None},
        {"channels": [None]},
        {"channels": {"gpu0": 1}},
        {"refusals": [1]},
        {"refusals": [{**REFUSED, "leaves_unread": ["gpu0"]}]},
        {"refusals": [{**REFUSED, "present": "x"}]},
        {"refusals": [{**REFUSED, "remedy": None}]},
    ],
    ids=str,
)
def test_metadata_of_the_wrong_type_are_no_run(change: dict[str, object]) -> None:
    with pytest.raises(NotARunError, match="cannot be read"):
        Metadata.from_arrow(described(**change))


def test_metadata_nested_beyond_all_measure_are_no_run() -> None:
    nested = {**METADATA.to_arrow(), METADATA_KEY: b"[" * 200_000}
    with pytest.raises(NotARunError, match="cannot be read"):
        Metadata.from_arrow(nested)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("device", []),
        ("contained_in", []),
        ("unit_j", 0),
        ("unit_j", "1"),
        ("unit_j", True),
        ("modulus", 0),
        ("modulus", 1.5),
        ("refresh_s", None),
        ("refresh_s", 1e300),
        ("refresh_s", -1.0),
        ("window_s", float("nan")),
        ("estimate_factor", 0),
        ("max_power_w", 0),
        ("max_power_w", float("inf")),
        ("is_feed", 1),
    ],
)
def test_a_channel_with_an_impossible_field_is_refused(field: str, value: object) -> None:
    with pytest.raises(NotARunError, match=r"a channel's description cannot be read"):
        Channel.from_mapping({**json.loads(CHANNEL.to_json()), field: value})
