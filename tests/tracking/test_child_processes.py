"""Processes that are started inside a run: their runs are inside it, however they are started."""

import subprocess
import sys
from pathlib import Path

from effmeter.recorded.reading import read_runs
from tests.simulated.machine import SimulatedMachine

PROGRAM = """
import multiprocessing
import effmeter

def work(name):
    with effmeter.track(name, labels={"started by": name}) as run:
        for epoch in run.epochs(effmeter.MaxEpochs(1)):
            epoch.log(accuracy=0.5)

if __name__ == "__main__":
    with effmeter.track("outer"):
        for method in ("fork", "spawn", "forkserver"):
            with effmeter.track(f"{method}s"):
                child = multiprocessing.get_context(method).Process(target=work, args=(method,))
                child.start()
                child.join()
                assert child.exitcode == 0
    with effmeter.track("after"):
        pass
"""


def test_children_of_every_start_method_join_the_run_that_they_were_started_in(
    machine: SimulatedMachine, runs: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environ = {**machine.environ, "EFFMETER_RUNS": str(runs)}
    done = subprocess.run(
        [sys.executable, "-W", "error", program], env=environ, stderr=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(runs.iterdir())) == 2
    found = {run.name: run for run in read_runs(runs)}
    inside = {name: found[name].parent_run_id for name in found}
    assert inside.pop("outer") is inside.pop("after") is None
    assert inside == {
        "forks": found["outer"].run_id,
        "spawns": found["outer"].run_id,
        "forkservers": found["outer"].run_id,
        "fork": found["forks"].run_id,
        "spawn": found["spawns"].run_id,
        "forkserver": found["forkservers"].run_id,
    }
    for method in ("fork", "spawn", "forkserver"):
        assert found[method].labels == {"started by": method}
        assert [dict(epoch.metrics) for epoch in found[method].epochs] == [{"accuracy": 0.5}]
        assert found[f"{method}s"].epochs == ()
