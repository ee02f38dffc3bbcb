"""``accelerate launch``: its ranks are one run, whether it calls torchrun or mpirun."""

from tests.tools.cell import Cell, needs
from tests.tools.test_mpi import AS_ROOT

TRAIN = """
    import torch
    from accelerate import Accelerator
    import effmeter
    from tests.tools.truth import train

    accelerator = Accelerator(cpu=True)
    model = accelerator.prepare(torch.nn.Linear(4, 1))
    with effmeter.track("accelerated") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            accelerator.backward(model(torch.ones(2, 4)).mean())
            train("accelerated", 0.5 + 0.3 * accelerator.process_index)
            epoch.log(ranks=accelerator.num_processes)
    accelerator.end_training()
"""
LAUNCH = ("accelerate", "launch", "--num_processes=2", "--num_machines=1", "--mixed_precision=no")


def expect_one_run(cell: Cell) -> None:
    (found,) = cell.expect(files=1, runs=["accelerated"], ranks=[0, 1])
    assert [epoch["metrics"] for epoch in found.shown["epochs"]] == [{"ranks": 2}] * 2


def test_ranks_that_it_starts_by_torchrun_are_one_run(cell: Cell) -> None:
    launch = [*LAUNCH, "--dynamo_backend=no", "--multi_gpu", cell.write(TRAIN)]
    cell.launch(*launch, ACCELERATE_USE_CPU="true")
    expect_one_run(cell)


@needs("mpirun.openmpi")
def test_ranks_that_it_starts_by_mpirun_are_one_run(cell: Cell) -> None:
    hosts = cell.write("localhost slots=2", "hosts")
    launch = [*LAUNCH, "--dynamo_backend=no", "--cpu", f"--mpirun_hostfile={hosts}"]
    cell.launch(*launch, cell.write(TRAIN), **AS_ROOT)
    expect_one_run(cell)
