"""The facts about a run that are known at its beginning."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from effmeter.probes.base import Discovery
from effmeter.recorder.inventory import describe_run, installed_versions
from effmeter.recorder.policy import ServicePolicy
from tests.recorder.served import BEGIN
from tests.simulated.clock import ManualClock

PRIVATE = ServicePolicy("private", os.getuid())


def test_the_metadata_holds_what_the_client_states_and_the_recorder_knows() -> None:
    clock = ManualClock(time_ns=10**10)
    begin = {**BEGIN, "labels": {"size": 1}, "git_commit": "abc", "versions": {"torch": "2.7"}}
    policy = ServicePolicy("shared", os.getuid(), socket="/run/socket")
    metadata = describe_run(begin, Discovery(), policy, 20.0, clock)
    assert (metadata.run_id, metadata.name, metadata.part) == ("r", "n", 1)
    assert metadata.started_time_ns == 10**10
    assert metadata.labels == {"size": 1}
    assert metadata.git_commit == "abc"
    assert metadata.host["name"] == "h"
    assert metadata.host["logical_cpus"] >= 1
    assert metadata.sampling["rate_hz"] == 20.0
    assert metadata.sampling["recorder"] == "shared"
    process = metadata.sampling["recorder_process"]
    assert (process["pid"], process["uid"]) == (os.getpid(), os.getuid())
    assert (process["socket"], process["since_wall_s"] > 0) == ("/run/socket", True)


@pytest.mark.skipif(sys.platform != "linux", reason="the identity of a boot is Linux's")
def test_a_recording_names_the_boot_in_which_its_clock_counts() -> None:
    boots = [describe_run(BEGIN, Discovery(), PRIVATE, 1.0, ManualClock()).host for _ in (0, 1)]
    assert boots[0]["boot_id"] == boots[1]["boot_id"]
    assert len(boots[0]["boot_id"]) == 36


def test_the_clients_versions_win_over_the_recorders() -> None:
    begin = {**BEGIN, "versions": {"python": "3.99", "torch": "2.7"}}
    versions = describe_run(begin, Discovery(), PRIVATE, 1.0, ManualClock()).versions
    assert versions["python"] == "3.99"
    assert versions["torch"] == "2.7"
    assert "pyarrow" in versions


def test_an_unknown_commit_is_left_out() -> None:
    assert describe_run(dict(BEGIN), Discovery(), PRIVATE, 1.0, ManualClock()).git_commit is None


def test_packages_have_the_versions_that_the_interpreter_knows() -> None:
    names = ("effmeter", "nvidia-ml-py", "psutil", "pyarrow")
    assert installed_versions(names, sys.path) == {name: version(name) for name in names}


def test_the_first_of_two_installations_counts_and_other_files_are_passed_over(
    tmp_path: Path,
) -> None:
    for entry in ("first/nvidia_ml_py-12.1.dist-info", "second/nvidia_ml_py-13.0.dist-info"):
        (tmp_path / entry).mkdir(parents=True)
    (tmp_path / "second" / "psutil-5.9.4-py3.11.egg-info").touch()
    (tmp_path / "second" / "pyarrow-25.pth").touch()
    folders = [str(tmp_path / name) for name in ("missing", "first", "second")]
    versions = installed_versions(("nvidia-ml-py", "psutil", "pyarrow"), folders)
    assert versions == {"nvidia-ml-py": "12.1", "psutil": "5.9.4"}
