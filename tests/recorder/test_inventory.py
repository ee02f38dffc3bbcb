"""The facts about a run that are known at its beginning."""

from effmeter.probes.base import Discovery
from effmeter.recorder.inventory import describe_run
from tests.recorder.served import BEGIN
from tests.simulated.clock import ManualClock


def test_the_metadata_holds_what_the_client_states_and_the_recorder_knows() -> None:
    clock = ManualClock(time_ns=10**10)
    begin = {**BEGIN, "labels": {"size": 1}, "git_commit": "abc", "versions": {"torch": "2.7"}}
    metadata = describe_run(begin, Discovery(), "shared", 20.0, clock)
    assert (metadata.run_id, metadata.name, metadata.part) == ("r", "n", 1)
    assert metadata.started_time_ns == 10**10
    assert metadata.labels == {"size": 1}
    assert metadata.git_commit == "abc"
    assert metadata.host["name"] == "h"
    assert metadata.host["logical_cpus"] >= 1
    assert metadata.sampling["rate_hz"] == 20.0
    assert metadata.sampling["recorder"] == "shared"


def test_the_clients_versions_win_over_the_recorders() -> None:
    begin = {**BEGIN, "versions": {"python": "3.99", "torch": "2.7"}}
    versions = describe_run(begin, Discovery(), "private", 1.0, ManualClock()).versions
    assert versions["python"] == "3.99"
    assert versions["torch"] == "2.7"
    assert "pyarrow" in versions


def test_an_unknown_commit_is_left_out() -> None:
    assert describe_run(dict(BEGIN), Discovery(), "private", 1.0, ManualClock()).git_commit is None
