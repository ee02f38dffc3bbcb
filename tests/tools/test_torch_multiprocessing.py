"""``torch.multiprocessing.spawn``: its processes are the ranks of one run."""

from tests.tools.cell import Cell

SPAWN = """
    import os
    import torch.distributed as dist
    import torch.multiprocessing as mp
    import effmeter
    from tests.tools.truth import train

    def work(rank, address):
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
        with effmeter.track("spawned") as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
                train("spawned", 0.5 + 0.3 * rank)
                epoch.log(loss=rank)
        dist.destroy_process_group()
"""
MAIN = """
    if __name__ == "__main__":
        mp.spawn(work, args=("file://" + os.path.abspath("store"),), nprocs=2)
"""
MAIN_INSIDE_A_RUN = """
    if __name__ == "__main__":
        with effmeter.track("around"):
            mp.spawn(work, args=("file://" + os.path.abspath("store"),), nprocs=2)
"""


def test_its_processes_are_one_run_of_one_file(cell: Cell) -> None:
    cell.run(SPAWN + MAIN)
    (found,) = cell.expect(files=1, runs=["spawned"], ranks=[0, 1])
    assert [epoch["metrics"] for epoch in found.shown["epochs"]] == [{"loss": 0}] * 2


def test_inside_a_run_they_are_one_run_of_its_file(cell: Cell) -> None:
    cell.run(SPAWN + MAIN_INSIDE_A_RUN)
    around, _ = cell.expect(files=1, runs=["around", "around/spawned"], ranks=[0, 1])
    assert around.shown["epoch_count"] == 0
