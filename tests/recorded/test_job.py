"""The part of a host in a job, and the parts that are missing."""

from effmeter.recorded.job import JobPart, missing_words


def part(*ranks: int, world_size: int | None = None, host_count: int | None = None) -> JobPart:
    return JobPart("job-7", "a", ranks, world_size, host_count)


def test_hosts_and_ranks_without_a_file_are_named() -> None:
    assert missing_words([part(0), part(1)]) == ""
    assert missing_words([part(0, host_count=2)]) == "1 of 2 hosts"
    assert missing_words([part(0, 1, world_size=4)]) == "ranks 2, 3"
    assert missing_words([part(0, world_size=2, host_count=2)]) == "1 of 2 hosts (rank 1)"
    assert missing_words([part(0, world_size=2), part(1, world_size=2)]) == ""
    many = missing_words([part(0, world_size=20)])
    assert many == "ranks 1, 2, 3, 4, 5, 6, 7, 8 and 11 more"


def test_of_a_job_that_does_not_state_its_size_nothing_is_missing() -> None:
    assert missing_words([part()]) == missing_words([]) == ""
    assert JobPart("", "a", (), None, None).is_of_one_host
    assert part(host_count=1).is_of_one_host
    assert not part().is_of_one_host
