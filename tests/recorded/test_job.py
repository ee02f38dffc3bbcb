"""The part of a host in a job, and the parts that are missing."""

import json
from pathlib import Path

from effmeter.recorded.job import JobPart, missing_words
from effmeter.recorded.reading import read_runs
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, metadata


def part(*ranks: int, world_size: int | None = None, host_count: int | None = None) -> JobPart:
    return JobPart("job-7", "a", ranks, world_size, host_count)


def test_hosts_and_ranks_without_a_file_are_named() -> None:
    assert missing_words([part(0), part(1)]) == ""
    assert missing_words([part(0, host_count=2)]) == "1 of 2 hosts"
    assert missing_words([part(0, 1, world_size=4)]) == "perhaps the hosts of ranks 2, 3"
    assert missing_words([part(0, world_size=4, host_count=2), part(2, host_count=2)]) == ""
    assert missing_words([part(0, world_size=2, host_count=2)]) == "1 of 2 hosts (rank 1)"
    assert missing_words([part(0, world_size=2), part(1, world_size=2)]) == ""
    many = missing_words([part(0, world_size=20)])
    assert many == "perhaps the hosts of ranks 1, 2, 3, 4, 5, 6, 7, 8 and 11 more"


def test_of_a_job_that_does_not_state_its_size_nothing_is_missing() -> None:
    assert missing_words([part()]) == missing_words([]) == ""
    assert JobPart("", "a", (), None, None).is_of_one_host
    assert part(host_count=1).is_of_one_host
    assert not part().is_of_one_host


def test_a_run_inside_a_command_is_of_the_job_that_its_ranks_state(tmp_path: Path) -> None:
    for host, rank in (("a", 0), ("b", 1)):
        described = metadata(run_id=host, name=f"command-{host}", host={"name": host})
        with RunFile(tmp_path / f"{host}.arrow", described) as file:
            file.join(0.0, "{}", "shell", 1)
            job = {"id": "job-7", "rank": rank, "world_size": 2}
            facts = {"run_id": "inner", "name": "inner", "rank": rank, "job": job}
            file.join(1.0, json.dumps(facts), f"{host}/{rank}/4", 1)
            file.event(3.0, Event.END, source=f"{host}/{rank}/4", id=1, text="completed")
            file.end(4.0)
    runs = read_runs(tmp_path)
    assert [(run.name, run.host_names) for run in runs] == [
        ("command-a", ("a",)),
        ("inner", ("a", "b")),
        ("command-b", ("b",)),
    ]
    assert not runs[0].is_joint
