"""Workers that outlive a run, or were started before it, join what their parent records."""

import json
from pathlib import Path

import pytest

from effmeter.recorded.reading import read_runs
from tests.recording import run_program
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed

POOL = """
    import json, multiprocessing, sys
    import effmeter

    def work(name):
        with effmeter.track(name) as run:
            return str(run.path)

    with multiprocessing.get_context("fork").Pool(1) as pool:
        made = []
        for name in ("first", "second"):
            with effmeter.track(name):
                made.append(pool.apply(work, (f"in {name}",)))
        made.append(pool.apply(work, ("alone",)))
    print(json.dumps(made))
"""


def test_a_reused_worker_joins_the_run_that_goes_on_and_records_alone_without_one(
    machine: SimulatedMachine, runs: Path
) -> None:
    done = run_program(POOL, machine.environ | {"EFFMETER_RUNS": str(runs)})
    assert (done.returncode, done.stderr) == (0, "")
    recorded = {run.name: run for run in read_runs(runs)}
    assert len(recorded) == 5
    for name in ("first", "second"):
        assert recorded[f"in {name}"].parent_run_id == recorded[name].run_id
    assert recorded["alone"].parent_run_id is None
    assert len(set(json.loads(done.stdout))) == 3
