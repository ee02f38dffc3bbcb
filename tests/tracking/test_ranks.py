"""Ranks of one launch share one recorder and are sources of one run."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from effmeter.recorded.reading import read_runs
from tests.recording import only_run, start_program, start_script
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed

RANK = """
    import sys
    import effmeter
    with effmeter.track("ddp", labels={"nodes": 1}) as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            epoch.log(accuracy=0.5)
        print("trained", flush=True)
        sys.stdin.readline()
"""


def test_local_ranks_meet_and_the_run_lasts_until_the_last_has_left(
    machine: SimulatedMachine, runs: Path
) -> None:
    launch = {"TORCHELASTIC_RUN_ID": "job", "MASTER_PORT": "29500", "EFFMETER_RUNS": str(runs)}
    ranks = [
        start_program(RANK, machine.environ | launch | {"RANK": str(n), "LOCAL_RANK": str(n)})
        for n in range(3)
    ]
    for rank in ranks:
        assert rank.stdout is not None
        assert rank.stdout.readline() == "trained\n"
    for rank in ranks:
        _, said = rank.communicate("go\n")
        assert (rank.returncode, said) == (0, "")
    recorded = only_run(runs)
    assert recorded.status == "completed"
    assert sorted(source.rank or 0 for source in recorded.sources) == [0, 1, 2]
    assert len(recorded.epochs) == 6
    first = next(source.id for source in recorded.sources if source.rank == 0)
    assert {epoch.source for epoch in recorded.lead_epochs} == {first}


UNLIKE = """
    import os
    import subprocess
    import sys
    import effmeter

    if len(sys.argv) > 1:
        with effmeter.track("train", labels={"prepares": True}):
            sys.exit()
    if os.environ["RANK"] == "0":
        subprocess.run([sys.executable, __file__, "prepare"], check=True)
        with effmeter.track("evaluate"):
            pass
    print("ready", flush=True)
    sys.stdin.readline()
    with effmeter.track("train"):
        print("training", flush=True)
        sys.stdin.readline()
"""


def test_ranks_meet_in_runs_of_one_name_and_their_children_are_none(
    machine: SimulatedMachine, runs: Path, tmp_path: Path
) -> None:
    """One rank prepares and evaluates before both train: its runs are not those of the other."""
    launch = {"TORCHELASTIC_RUN_ID": "unlike", "MASTER_PORT": "29501", "EFFMETER_RUNS": str(runs)}
    script = tmp_path / "unlike.py"
    script.write_text(textwrap.dedent(UNLIKE))
    ranks = [
        start_script(script, machine.environ | launch | {"RANK": str(n), "LOCAL_RANK": str(n)})
        for n in range(2)
    ]
    for expected in ("ready", "training"):
        for rank in ranks:
            assert rank.stdout is not None
            assert rank.stdout.readline() == f"{expected}\n"
        for rank in ranks:
            assert rank.stdin is not None
            print(file=rank.stdin, flush=True)
    for rank in ranks:
        _, said = rank.communicate()
        assert (rank.returncode, said) == (0, "")
    found = [
        (run.name, "prepares" in run.labels, {s.rank for s in run.sources})
        for run in read_runs(runs)
    ]
    assert sorted(found, key=str) == [
        ("evaluate", False, {0}),
        ("train", False, {0, 1}),
        ("train", True, {None}),
    ]


GLOO = """
import torch
import torch.distributed as dist
import effmeter

dist.init_process_group("gloo")
with effmeter.track("torchrun") as run:
    for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
        value = torch.ones(1)
        dist.all_reduce(value)
        epoch.log(ranks=value)
dist.destroy_process_group()
"""


@pytest.mark.slow  # four programs that load torch
def test_ranks_of_torchrun_with_gloo_are_sources_of_one_run(
    machine: SimulatedMachine, runs: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    script = tmp_path / "train.py"
    script.write_text(GLOO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(script)],
        env=machine.environ | {"EFFMETER_RUNS": str(runs), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    recorded = only_run(runs)
    assert recorded.status == "completed"
    assert sorted(source.rank or 0 for source in recorded.sources) == [0, 1]
    assert [dict(e.metrics) for e in recorded.epochs] == [{"ranks": 2.0}] * 4
