"""mpirun of Open MPI and of MPICH: their ranks are one run."""

import sys

import pytest

from tests.tools.cell import Cell, needs

TRAIN = """
    import os
    import effmeter
    from tests.tools.truth import train

    rank = int(os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ["PMI_RANK"])
    with effmeter.track("mpi", labels={"size": 1}) as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            train("mpi", 0.5 + 0.3 * rank)
            epoch.log(loss=rank)
"""
AS_ROOT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}
MPIRUN = [
    pytest.param("mpirun.openmpi", marks=needs("mpirun.openmpi")),
    pytest.param("mpirun.mpich", marks=needs("mpirun.mpich")),
]


@pytest.mark.parametrize("mpirun", MPIRUN)
def test_ranks_are_one_run_of_one_file(cell: Cell, mpirun: str) -> None:
    cell.launch(mpirun, "-n", "2", sys.executable, cell.write(TRAIN), **AS_ROOT)
    (found,) = cell.expect(files=1, runs=["mpi"], ranks=[0, 1])
    assert [epoch["metrics"] for epoch in found.shown["epochs"]] == [{"loss": 0}] * 2


@pytest.mark.parametrize("mpirun", MPIRUN)
def test_a_command_of_two_ranks_is_one_run_of_one_file(cell: Cell, mpirun: str) -> None:
    work = "import time; time.sleep(1)"
    cell.launch(mpirun, "-n", "2", "effmeter", "run", "--", sys.executable, "-c", work, **AS_ROOT)
    (found,) = cell.report().runs
    cell.expect(files=1, runs=[found.name])
    assert found.ranks == [0, 1]


@pytest.mark.parametrize("mpirun", MPIRUN)
def test_two_launches_in_turn_are_two_runs(cell: Cell, mpirun: str) -> None:
    for _ in range(2):
        cell.launch(mpirun, "-n", "2", sys.executable, cell.write(TRAIN), **AS_ROOT)
    cell.expect(files=2, runs=["mpi", "mpi"], ranks=[0, 1])
