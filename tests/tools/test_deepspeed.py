"""The launcher of DeepSpeed: its ranks are one run."""

from tests.tools.cell import Cell

TRAIN = """
    import os
    import effmeter
    from tests.tools.truth import train

    rank = int(os.environ["RANK"])
    with effmeter.track("deepspeed") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            train("deepspeed", 0.5 + 0.3 * rank)
            epoch.log(loss=rank)
"""


def test_ranks_are_one_run_of_one_file(cell: Cell) -> None:
    cell.launch("deepspeed", "--num_gpus=2", cell.write(TRAIN), DS_ACCELERATOR="cpu")
    (found,) = cell.expect(files=1, runs=["deepspeed"], ranks=[0, 1])
    assert [epoch["metrics"] for epoch in found.shown["epochs"]] == [{"loss": 0}] * 2
