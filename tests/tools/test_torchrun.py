"""torchrun: its ranks are one run."""

from tests.tools.cell import Cell

TRAIN = """
    import os
    import torch.distributed as dist
    import effmeter
    from tests.tools.truth import train

    dist.init_process_group("gloo")
    with effmeter.track("ddp") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            train("ddp", 0.5 + 0.3 * dist.get_rank())
            epoch.log(loss=1 / epoch.number)
    dist.destroy_process_group()
"""


def test_ranks_are_one_run_of_one_file(cell: Cell) -> None:
    cell.run(TRAIN, "torchrun", "--standalone", "--nproc-per-node=2")
    (found,) = cell.expect(files=1, runs=["ddp"], ranks=[0, 1])
    assert found.shown["epoch_count"] == 2
