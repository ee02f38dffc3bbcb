"""The shared recorder: whom it serves, how fast, and who may stop it."""

import grp
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import effmeter
from effmeter.cli import effmeter as command_line
from effmeter.client.connection import connect
from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.recorded.reading import read_run
from effmeter.wire.paths import is_trusted_socket
from tests.recording import (
    eventually,
    is_listened_at,
    is_running,
    let_pass,
    only_run,
    recorder_of,
)
from tests.schemas import assert_fits
from tests.simulated.machine import SimulatedMachine

if TYPE_CHECKING:
    import polars as pl

DAEMON = [sys.executable, "-m", "effmeter", "daemon"]
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@dataclass
class Daemon:
    """A shared recorder that runs, and where."""

    process: "subprocess.Popen[str]"
    socket: Path
    environ: Mapping[str, str]

    def ask(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Call one of its commands."""
        command = [*DAEMON, *arguments, "--socket", str(self.socket)]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, timeout=30, check=False
        )


StartDaemon = Callable[..., Daemon]


@pytest.fixture
def start_daemon(tmp_path: Path) -> Iterator[StartDaemon]:
    started: list[Daemon] = []
    with SimulatedMachine(tmp_path / "machine") as machine:
        place = Path(machine.environ["XDG_RUNTIME_DIR"])

        def start(*arguments: str) -> Daemon:
            place.chmod(0o755)
            path = place / "shared.sock"
            command = [*DAEMON, "run", "--socket", str(path), *arguments]
            process = subprocess.Popen(
                command, env=machine.environ, stderr=subprocess.PIPE, text=True
            )
            daemon = Daemon(process, path, machine.environ)
            started.append(daemon)
            eventually(lambda: is_listened_at(path), "the daemon listens")
            return daemon

        yield start
        for daemon in started:
            daemon.process.terminate()
            daemon.process.communicate(timeout=20)


@pytest.fixture
def daemon(start_daemon: StartDaemon, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """One that this process would find."""
    running = start_daemon()
    monkeypatch.setenv("EFFMETER_SOCKET", str(running.socket))
    return running


def readings_of(path: Path) -> "pl.DataFrame":
    """The readings of one channel in a run file."""
    import polars as pl

    return pl.read_ipc(path).filter(pl.col("channel") == "cpu0", pl.col("energy_j").is_not_null())


def moments_of(path: Path) -> set[int]:
    """When the same channel was read, in nanoseconds of the run clock."""
    began = read_run(path).metadata
    offset_ns = began.started_wall_ns - began.started_time_ns
    return {ns - offset_ns for ns in readings_of(path)["time"].dt.epoch("ns").to_list()}


def as_nobody(act: Callable[[], object]) -> str:
    """What a function returns or raises, as text, in a forked process of the user nobody.

    Forked and not started anew: that user may not even be allowed to read this Python.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            said = str(act())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_status_says_what_it_reads_and_stop_ends_it(daemon: Daemon) -> None:
    told = json.loads(daemon.ask("status", "--json").stdout)
    assert_fits(told, "daemon-status")
    assert told["pid"] == daemon.process.pid
    measured = ["cpu0", "cpu1", "dram0"]
    assert sorted(told["channels"]) == ["cpu-estimate", *measured, "ram-estimate"]
    assert ", ".join(told["channels"]) in daemon.ask("status").stdout
    stopped = daemon.ask("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert daemon.process.wait(20) == 0
    assert not daemon.socket.exists()
    gone = daemon.ask("status")
    assert gone.returncode == 1
    assert "no daemon runs at" in gone.stderr


def test_a_tracked_loop_prefers_it_and_starts_no_other(daemon: Daemon, tmp_path: Path) -> None:
    with effmeter.track("shared", directory=tmp_path / "runs") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            let_pass(0.1)
            epoch.log(accuracy=0.5)
        status = json.loads(daemon.ask("status", "--json").stdout)
        assert status["recordings"] == 1
    recorded = only_run(tmp_path / "runs")
    assert recorded.status == "completed"
    assert recorded.metadata.sampling["recorder"] == "shared"
    assert [e.number for e in recorded.epochs] == [1, 2]


def test_two_recordings_at_different_rates_share_one_sampling(
    daemon: Daemon, tmp_path: Path
) -> None:
    with (
        effmeter.track("slow", directory=tmp_path, rate_hz=5, join=False) as slow,
        effmeter.track("fast", directory=tmp_path, rate_hz=200, join=False) as fast,
    ):
        let_pass(1.0)
        assert json.loads(daemon.ask("status", "--json").stdout)["recordings"] == 2
    assert slow.path is not None
    assert fast.path is not None
    readings = [readings_of(path) for path in (slow.path, fast.path)]
    duration_s = read_run(slow.path).duration_s
    assert 4 * duration_s <= readings[0].height <= 5 * duration_s + 8
    assert readings[1].height >= 60
    of_slow, of_fast = (moments_of(path) for path in (slow.path, fast.path))
    between = {moment for moment in of_slow if min(of_fast) <= moment <= max(of_fast)}
    assert len(between) >= 4
    assert between <= of_fast


def test_stopping_the_daemon_closes_the_recording_and_the_loop_goes_on_with_a_successor(
    daemon: Daemon, tmp_path: Path
) -> None:
    def train() -> effmeter.Run:
        with effmeter.track("stopped", directory=tmp_path / "runs") as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(4)):
                if epoch.number == 2:
                    daemon.ask("stop")
                    daemon.process.wait(20)
        return run

    with pytest.warns(effmeter.EffmeterWarning, match="the recorder was stopped") as warned:
        run = train()
    assert len(warned) == 1
    assert len(run.epochs_done) == 4
    recorded = only_run(tmp_path / "runs")
    assert (len(recorded.recording.parts), recorded.status) == (2, "completed")
    assert [e.number for e in recorded.epochs] == [1, 2, 3, 4]


def test_a_second_daemon_at_the_same_place_is_refused(daemon: Daemon) -> None:
    second = daemon.ask("run")
    assert second.returncode == 1
    assert f"runs at {daemon.socket} already (process {daemon.process.pid})" in second.stderr


def test_the_socket_of_a_dead_daemon_is_taken_over(start_daemon: StartDaemon) -> None:
    first = start_daemon()
    first.process.kill()
    first.process.wait(20)
    assert first.socket.exists()
    second = start_daemon()
    eventually(lambda: second.ask("status").returncode == 0, "the second one answers")


def test_only_its_own_user_may_connect_unless_a_group_is_named(daemon: Daemon) -> None:
    assert daemon.socket.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--group", "no-such-group"], "'--group': there is no group 'no-such-group'"),
        (["run", "--others-rate", "0"], "'--others-rate': 0.0 is not in the range 0.1<=x<=1000"),
        (["run", "--others-rate", "fast"], "'--others-rate': 'fast' is not a valid float"),
        (["run", "--socket"], "'--socket' requires an argument"),
        (["status", "--output", "/"], "'--output': File '/' is a directory"),
        (["status", "--jsn"], "No such option '--jsn'"),
        (["stop", "now"], "unexpected extra argument (now)"),
    ],
)
def test_a_mistake_of_usage_is_one_line(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(command_line, ["daemon", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


def stop_at(path: Path) -> None:
    connection = connect(path)
    connection.send({"op": "stop"})
    connection.expect("stopping", 5.0)


@needs_root
def test_strangers_can_neither_connect_nor_stop_it(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    assert "Permission denied" in as_nobody(lambda: stop_at(daemon.socket))
    assert is_running(daemon.process.pid)


@needs_root
def test_a_member_of_the_group_may_not_stop_it(start_daemon: StartDaemon) -> None:
    daemon = start_daemon("--group", grp.getgrgid(NOBODY).gr_name)
    assert "only root or the recorder's owner may stop it" in as_nobody(
        lambda: stop_at(daemon.socket)
    )
    assert is_running(daemon.process.pid)


def identities_of_writers(recorder_pid: int) -> list[list[str]]:
    """Real, effective, saved and file system user of the threads that do not act as root."""
    lines = [
        line.split()[1:]
        for thread in Path(f"/proc/{recorder_pid}/task").iterdir()
        for line in thread.joinpath("status").read_text().splitlines()
        if line.startswith("Uid:")
    ]
    return [ids for ids in lines if ids[1] != "0"]


def record_spans(path: Path) -> list[list[str]]:
    """Record a second of many spans at the highest rate; who the recorder writes as."""
    with effmeter.track(path, rate_hz=1000) as run:
        until_ns = now_ns() + 1_000_000_000
        while now_ns() < until_ns:
            with run.span("s"):
                let_pass(0.002)
        recorder = recorder_of(run)
        eventually(lambda: bool(identities_of_writers(recorder)), "the writer acts as the user")
        return identities_of_writers(recorder)


@needs_root
def test_a_member_of_the_group_records_as_itself_and_no_faster_than_it_may(
    start_daemon: StartDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = grp.getgrgid(NOBODY).gr_name
    daemon = start_daemon("--group", group, "--others-rate", "20")
    place = Path(daemon.environ["XDG_RUNTIME_DIR"]) / "nobodys"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    path = place / "run.arrow"
    monkeypatch.setenv("EFFMETER_SOCKET", str(daemon.socket))
    # Only the effective identity is the user's, or it could signal the root daemon.
    assert as_nobody(lambda: record_spans(path)) == str([["0", "65534", "0", "65534"]])
    recorded = read_run(path)
    assert recorded.status == "completed"
    assert recorded.metadata.sampling["rate_hz"] == 20
    readings = readings_of(path)
    assert len(recorded.spans) > 60
    assert 15 <= readings.height <= 40 * recorded.duration_s + 3
    assert path.stat().st_uid == NOBODY


@needs_root
def test_a_client_trusts_only_root_and_itself() -> None:
    with tempfile.TemporaryDirectory(prefix="em-") as place, socket.socket(socket.AF_UNIX) as bait:
        bait.bind(f"{place}/s")
        os.chown(f"{place}/s", NOBODY, NOBODY)
        assert not is_trusted_socket(Path(f"{place}/s"))
        os.chown(f"{place}/s", 0, 0)
        assert is_trusted_socket(Path(f"{place}/s"))


@needs_root
def test_a_recorder_of_another_user_is_not_believed() -> None:
    with tempfile.TemporaryDirectory(prefix="em-") as place:
        os.chown(place, NOBODY, NOBODY)
        path = Path(place) / "s"
        impostor = os.fork()
        if impostor == 0:
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen()
                signal.pause()
        try:
            eventually(path.exists, "the impostor listens")
            with pytest.raises(RecorderError, match="belongs to another user"):
                connect(path)
        finally:
            os.kill(impostor, signal.SIGKILL)
            os.waitpid(impostor, 0)


def test_the_daemon_keeps_a_log_of_the_machine(start_daemon: StartDaemon, tmp_path: Path) -> None:
    log = tmp_path / "log"
    daemon = start_daemon("--log", str(log))
    eventually(lambda: log.is_dir() and any(log.iterdir()), "the log has a file")
    status = json.loads(daemon.ask("status", "--json").stdout)
    assert_fits(status, "daemon-status")
    (file,) = log.iterdir()
    assert status["log"]["file"] == file.name
    assert "log file" in daemon.ask("status").stdout
    let_pass(1.2)
    assert daemon.ask("stop").returncode == 0
    run = read_run(file)
    assert run.status == "completed"
    energy = run.energy()
    assert energy is not None
    assert energy.value_j > 0
    assert run.duration_s > 1
    refused = CliRunner().invoke(command_line, ["daemon", "run", "--log", "x", "--rotate", "5s"])
    assert refused.exit_code == 2
    assert "--rotate is at least 1min" in refused.stderr
