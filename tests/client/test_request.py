"""What a program asks of a recorder fits the protocol, or is a usage error."""

import pytest

from effmeter.client.launch_detection import Launch
from effmeter.client.request import RecordingRequest, RunIdentity
from effmeter.errors import UsageError
from effmeter.wire.handshake import Greeting
from effmeter.wire.protocol import check_request

GREETING = Greeting("private", 7, ("ONE_OF_THE_VARIABLES",))
IDENTITY = RunIdentity("own", "parent")


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 1001.0, float("nan")])
def test_a_rate_out_of_range_is_a_usage_error(rate_hz: float) -> None:
    with pytest.raises(UsageError, match="rate_hz"):
        RecordingRequest("x", rate_hz=rate_hz)


def test_an_unknown_kind_of_recorder_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="auto, private, shared"):
        RecordingRequest("x", recorder="none")


def test_the_messages_fit_the_protocol() -> None:
    request = RecordingRequest("x", labels={"size": 1}, rate_hz=10)
    begin = request.begin_message(IDENTITY, None, GREETING, part=2, recording="token")
    assert check_request(begin)["recording"] == "token"
    launch = Launch("srun", "job", "key", rank=3, local_rank=1, world_size=4)
    join = check_request(request.join_message("token", IDENTITY, launch, GREETING))
    assert (join["rank"], join["local_rank"]) == (3, 1)
    assert (join["job"]["id"], join["job"]["world_size"]) == ("job", 4)
    for message in (begin, join):
        assert (message["run_id"], message["parent_run_id"]) == IDENTITY


def test_a_path_is_named_after_its_file() -> None:
    request = RecordingRequest("folder/lenet.arrow")
    assert request.join_message("token", IDENTITY, None, None)["name"] == "lenet"


def test_the_variables_of_the_greeting_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_OF_THE_VARIABLES", "1")
    request = RecordingRequest("x")
    assert "ONE_OF_THE_VARIABLES" in request.join_message("t", IDENTITY, None, GREETING)["program"]
    assert "ONE_OF_THE_VARIABLES" not in request.join_message("t", IDENTITY, None, None)["program"]
