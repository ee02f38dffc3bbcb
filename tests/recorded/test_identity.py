"""A recording says which runs it holds."""

import json
from pathlib import Path

from effmeter.recorded.identity import run_identities
from effmeter.recorded.reading import read_run, read_runs
from tests.runfile.writing import RunFile, metadata

RANKS = ("host/0/42", "host/1/43")


def test_programs_that_name_no_run_belong_to_the_recording(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(labels={"size": 1})) as file:
        for rank in RANKS:
            file.join(0.0, json.dumps({"name": "other"}), source=rank)
    run = read_run(file.path)
    (own,) = run_identities(run.metadata, run.recording.sources)
    assert (own.run_id, own.name, own.labels) == ("run-1", "lenet-1", {"size": 1})
    assert tuple(source.id for source in own.sources) == RANKS


def test_a_run_that_sources_name_stands_beside_the_recordings_own(tmp_path: Path) -> None:
    described = {"name": "inner", "labels": {"size": 2}, "run_id": "run-2"}
    with RunFile(tmp_path / "run.arrow") as file:
        for root, rank in enumerate(RANKS, 10):
            file.join(1.0, json.dumps(described), source=rank, root=root)
        file.join(2.0, "{}", source="host/-/1")
    run = read_runs(file.path)[0]
    own, inner = run_identities(run.metadata, run.recording.sources)
    assert [source.id for source in own.sources] == ["host/-/1"]
    assert (inner.run_id, inner.name, inner.labels) == ("run-2", "inner", {"size": 2})
    assert [(s.id, s.root) for s in inner.sources] == [(RANKS[0], 10), (RANKS[1], 11)]
