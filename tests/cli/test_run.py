"""``effmeter run -- CMD``: everything of the command passes through."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.analysis.run_shares import shares_of
from effmeter.analysis.shares import Holder
from effmeter.cli import effmeter as command_line
from effmeter.cli.run import print_summary
from effmeter.energy import Energy
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.work import device_work
from effmeter.status import COMPLETED
from effmeter.tracking.live import LiveEnergy, Summary
from tests.recording import eventually, only_run
from tests.schemas import assert_fits
from tests.simulated.machine import COARSE_REFRESH_S, SimulatedMachine
from tests.snapshot import assert_matches

pytestmark = pytest.mark.untimed

RUN = [sys.executable, "-m", "effmeter", "run"]


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    with SimulatedMachine(tmp_path / "machine", refresh_s=COARSE_REFRESH_S) as machine:
        yield {**machine.environ, "EFFMETER_RUNS": str(tmp_path / "runs")}


def record(environ: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*RUN, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_output_and_exit_status_pass_through(environ: Mapping[str, str], tmp_path: Path) -> None:
    done = record(environ, "-o", str(tmp_path / "x"), "--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert "x.arrow" in done.stderr
    assert str(read_run(tmp_path / "x.arrow").detailed_status) == "failed: exit status 3"


@pytest.mark.parametrize(
    ("more", "name"), [([], "x"), (["--name", "lenet"], "lenet")], ids=["file", "name"]
)
def test_summary_and_file_give_the_run_one_name(
    environ: Mapping[str, str], tmp_path: Path, more: list[str], name: str
) -> None:
    done = subprocess.run(
        [*RUN, *more, "-o", "x", "--", "true"],
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    summary, place = done.stderr.splitlines()
    assert summary.startswith(f"effmeter: {name}: completed, ")
    assert place == "effmeter: recorded in x.arrow"
    assert read_run(tmp_path / "x.arrow").name == name


def test_a_run_is_named_after_its_command_and_carries_labels(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    record(environ, "--label", "size=3", "--label", "net=lenet", "--label", "lr=0.1", "--", "true")
    recorded = only_run(tmp_path / "runs")
    assert (recorded.name, recorded.status) == ("true", "completed")
    assert recorded.labels == {"size": 3, "net": "lenet", "lr": 0.1}


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGINT, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)],
)
def test_a_signal_reaches_the_command_and_its_death_by_it_is_ours(
    environ: Mapping[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    started = tmp_path / "started"
    command = [
        *RUN,
        "--",
        sys.executable,
        "-c",
        f"""
import pathlib, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
pathlib.Path({str(started)!r}).touch()
time.sleep(60)""",
    ]
    program = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    eventually(started.exists, "the command runs")
    program.send_signal(number)
    assert program.wait(20) == -number
    assert str(only_run(tmp_path / "runs").detailed_status) == f"failed: {number.name}"


@pytest.mark.parametrize(
    ("number", "exit_status", "name"),
    [
        (signal.SIGKILL, 128 + signal.SIGKILL, "SIGKILL"),
        pytest.param(37, -37, "signal 37", marks=pytest.mark.slow),
    ],
)
def test_a_signal_that_a_command_dies_of_is_in_the_exit_status(
    environ: Mapping[str, str], tmp_path: Path, number: int, exit_status: int, name: str
) -> None:
    done = record(environ, "--", "sh", "-c", f"kill -{int(number)} $$")
    assert done.returncode == exit_status
    assert "Traceback" not in done.stderr
    assert str(only_run(tmp_path / "runs").detailed_status) == f"failed: {name}"


def test_a_command_that_handles_its_signal_decides_its_exit_status(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    script = f"trap 'exit 5' TERM; touch {started}; while :; do sleep 0.05; done"
    program = subprocess.Popen([*RUN, "-q", "--", "sh", "-c", script], env=environ)
    eventually(started.exists, "the command runs")
    program.send_signal(signal.SIGTERM)
    assert program.wait(20) == 5


def test_a_tracked_program_inside_joins_the_same_recording(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    inside = """
import effmeter
with effmeter.track("inside", labels={"seed": 7}) as run:
    for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
        epoch.log(accuracy=0.5)
print(run.path)
"""
    path = tmp_path / "outer.arrow"
    done = record(environ, "-o", str(path), "--", sys.executable, "-c", inside)
    assert done.stdout == f"{path}\n", done.stderr
    command, program = read_runs(path)
    assert (command.status, program.status) == ("completed", "completed")
    assert (command.name, program.name) == ("outer", "inside")
    assert (command.labels, program.labels) == ({}, {"seed": 7})
    assert [source.parent_run_id for source in program.sources] == [command.run_id]
    assert [(e.number, dict(e.metrics)) for e in program.epochs] == [
        (1, {"accuracy": 0.5}),
        (2, {"accuracy": 0.5}),
    ]
    assert command.epochs == ()
    shown = CliRunner().invoke(command_line, ["report", str(path)]).stdout.splitlines()
    assert [line.split()[:3] for line in shown[1:3]] == [
        ["outer", "completed", "0"],
        [".", "inside", "completed"],
    ]
    (recorder,) = command.recorders
    assert (recorder.mode, recorder.uid) == ("private", os.getuid())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["machine", "outer.arrow"]


def test_json_tells_the_same_on_stderr(environ: Mapping[str, str], tmp_path: Path) -> None:
    done = record(environ, "--json", "-o", str(tmp_path / "x.arrow"), "--", "true")
    told = json.loads(done.stderr)
    assert_fits(told, "run")
    assert told["path"] == str(tmp_path / "x.arrow")
    assert told["status"] == "completed"
    assert told["energy"]["cover"] == ["cpu0", "cpu1", "dram0"]


def summary_of(energy: LiveEnergy | None, metrics: Mapping[str, float]) -> Summary:
    path = Path("runs", "train.arrow")
    return Summary("train", path, COMPLETED, 90.0, 3, None, None, metrics, energy)


def test_text_of_the_summary_is_that_of_the_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    gpu, cpu = Energy(900.0, 880.0, 930.0), Energy(340.0, 320.0, 350.0)
    parts = {"gpu": gpu, "cpu": cpu}
    covered = LiveEnergy(gpu + cpu, parts, ("gpu0", "cpu0"), ("cpu0",), ("ram",))
    print_summary(summary_of(covered, {"accuracy": 0.975}), as_json=False)
    print_summary(summary_of(None, {}), as_json=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert_matches(said.err, "run-summary")


def test_a_metric_that_is_no_number_is_null_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(summary_of(None, {"loss": float("nan")}), as_json=True)
    told = json.loads(capsys.readouterr().err)
    assert_fits(told, "run")
    assert told["metrics"] == {"loss": None}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--", "no-such-command"], "there is no command 'no-such-command'"),
        ([], "Missing argument '-- CMD [ARG]...'"),
        (["--rate", "0", "--", "true"], "'--rate': 0.0 is not in the range 0<x<=1000"),
        (["--rate", "1001", "--", "true"], "1001.0 is not in the range 0<x<=1000"),
        (["--rate", "fast", "--", "true"], "'--rate': 'fast' is not a valid float"),
        (["--label", "novalue", "--", "true"], "'--label': 'novalue' is not NAME=VALUE"),
        (["--label", "=3", "--", "true"], "'=3' is not NAME=VALUE"),
        (["--recorder", "mine", "--", "true"], "'--recorder': 'mine' is not one of"),
        (["--name", "a/b", "--", "true"], "--name takes a name, not a path: use -o a/b"),
        (["--rte", "3", "--", "true"], "No such option '--rte'"),
    ],
)
def test_a_mistake_of_usage_is_one_line_before_anything_runs(
    arguments: list[str], complaint: str
) -> None:
    result = CliRunner().invoke(command_line, ["run", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["-o", "/proc/nowhere/x.arrow", "--", "true"], 1, "-o, or set EFFMETER_RUNS"),
        (["--recorder", "shared", "--", "true"], 0, "no shared recorder is running"),
    ],
)
def test_a_mistake_is_one_clear_line(
    environ: Mapping[str, str], arguments: list[str], status: int, complaint: str
) -> None:
    done = record(environ, *arguments)
    assert done.returncode == status
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_there_is_not_written_over(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "x.arrow").write_text("precious")
    done = record(environ, "-o", str(tmp_path / "x.arrow"), "--", "true")
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (tmp_path / "x.arrow").read_text() == "precious"


def test_the_terminals_interrupt_reaches_the_command_once(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    inside = f"""
import pathlib, signal, sys, time
log = pathlib.Path({str(log)!r})
count = 0
def count_interrupts(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, count_interrupts)
log.write_text("ready")
until = time.monotonic() + 1.5
while time.monotonic() < until:
    time.sleep(0.01)
log.write_text(f"interrupted {{count}} times")
"""
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execvpe(sys.executable, [*RUN, "-q", "--", sys.executable, "-c", inside], dict(environ))
    eventually(lambda: log.exists() and log.read_text() == "ready", "the command runs")
    os.write(terminal, b"\x03")
    eventually(lambda: log.read_text() != "ready", "the command ends")
    while _still_writes(terminal):
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    assert log.read_text() == "interrupted 1 times"


def _still_writes(terminal: int) -> bool:
    try:
        return bool(os.read(terminal, 4096))
    except OSError:
        return False


def test_descriptors_pass_through(environ: Mapping[str, str], tmp_path: Path) -> None:
    """MPI's launchers hand one to each rank, by number."""
    reading, writing = os.pipe()
    os.write(writing, b"from the launcher")
    os.close(writing)
    command = ["--", sys.executable, "-c", f"import os; print(os.read({reading}, 99).decode())"]
    done = subprocess.run(
        [*RUN, "-o", str(tmp_path / "x"), *command],
        env=environ,
        pass_fds=[reading],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(reading)
    assert done.stdout == "from the launcher\n"


RANK = """
import sys
import effmeter
with effmeter.track("train"):
    print("began", flush=True)
    sys.stdin.readline()
"""


def test_the_ranks_of_a_host_share_the_file_that_each_of_them_names(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    launch = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}
    ranks = [
        subprocess.Popen(
            [*RUN, "-o", str(tmp_path / "x"), "--", sys.executable, "-c", RANK],
            env={**environ, **launch, "PMIX_NAMESPACE": "7", "OMPI_COMM_WORLD_RANK": str(rank)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for rank in ranks:
        assert rank.stdout is not None
        assert rank.stdout.readline() == "began\n"
    said = [rank.communicate("go\n", timeout=60)[1] for rank in ranks]
    assert sorted(map(bool, said)) == [False, True], "one of them prints the summary"
    command, train = read_runs(tmp_path / "x.arrow")
    assert {source.rank for source in command.sources} == {0, 1}
    assert {source.rank for source in train.sources} == {0, 1}
    assert train.parent_run_id == command.run_id
    assert command.recording.metadata.job["world_size"] == 2


def test_a_recorder_killed_under_a_long_command_is_replaced_before_the_command_ends(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    kill = """
import os, pathlib, signal, sys, time
mine = os.environ["EFFMETER_SOCKET"]
for process in pathlib.Path("/proc").iterdir():
    try:
        if os.path.dirname(mine).encode() in (process / "cmdline").read_bytes():
            os.kill(int(process.name), signal.SIGKILL)
    except (OSError, ValueError):
        pass
while not list(pathlib.Path(sys.argv[1]).glob("*.2.arrow")):
    time.sleep(0.05)
time.sleep(1.5)
"""
    command = ["--", sys.executable, "-c", kill, str(tmp_path)]
    done = record(environ, "-o", str(tmp_path / "x.arrow"), *command)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning") == 1
    recorded = read_run(tmp_path / "x.arrow")
    assert recorded.status == "completed"
    assert recorded.recording.parts[-1].row_count > 10


def test_children_that_have_ended_keep_their_part_of_the_energy(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    burn = "import time\nwhile time.process_time() < 0.4: pass\nprint(time.process_time())"
    (tmp_path / "burn.py").write_text(burn)
    child = f"{sys.executable} {tmp_path / 'burn.py'}"
    done = record(environ, "-o", str(tmp_path / "x"), "--", "sh", "-c", f"{child}; {child}; true")
    worked_s = sum(map(float, done.stdout.split()))
    run = read_run(tmp_path / "x.arrow")
    work = device_work(run.recording.events, None, run.begin_ns, run.end_ns).whole
    assert work is not None
    (own,) = work.programs.values()
    assert own.low_s <= worked_s + 0.3, "the interpreter's start, the shell and effmeter itself"
    assert own.high_s >= worked_s
    shares = shares_of(run)
    total = run.energy()
    assert shares is not None
    assert total is not None
    values_j = [share.value_j or 0.0 for share in shares.shares.values()]
    assert sum(values_j) == pytest.approx(total.value_j)
    assert (shares.shares[Holder.RUN].value_j or 0.0) > 0
