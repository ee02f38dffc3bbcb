"""Lightning: a strategy's ranks are one run where a callback tracks, or runs in the one around."""

import sys

import pytest

from tests.tools.cell import Cell

PORT = "29541"
"""Not one of the ports that the system gives out, which another program may take meanwhile."""
TRAIN = """
    import sys
    import lightning
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    import effmeter
    from effmeter.clock import now_ns
    from tests.tools.truth import state, train

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch, index):
            return self.layer(batch[0]).mean()

        def on_train_epoch_end(self):
            train("fit" if sys.argv[2] == "callback" else "around", 0.5)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    class Energy(lightning.Callback):
        def on_fit_start(self, trainer, module):
            self.tracker = effmeter.track("fit")
            self.run = self.tracker.start()
            self.begin_ns = now_ns()

        def on_fit_end(self, trainer, module):
            self.run.log(devices=trainer.world_size)
            state("fit", self.begin_ns)
            self.tracker.stop()

    def fit(callbacks):
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=2,
            strategy=sys.argv[1],
            max_epochs=2,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=callbacks,
        )
        trainer.fit(Model(), DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=2))

    if __name__ == "__main__":
        if sys.argv[2] == "callback":
            fit([Energy()])
        else:
            with effmeter.track("around"):
                fit([])
"""


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_the_ranks_of_a_strategy_are_one_run_of_one_file(cell: Cell, strategy: str) -> None:
    cell.launch(sys.executable, cell.write(TRAIN), strategy, "callback", MASTER_PORT=PORT)
    (found,) = cell.expect(files=1, runs=["fit"], ranks=[0, 1])
    assert found.shown["closing_metrics"] == {"devices": 2}


def test_a_run_around_a_fit_that_starts_ranks_lasts_until_they_end(cell: Cell) -> None:
    cell.launch(sys.executable, cell.write(TRAIN), "ddp", "around", MASTER_PORT=PORT)
    first, other = cell.report().runs
    assert len(list(cell.runs.glob("*.arrow"))) == 1
    assert other.shown["parent_run_id"] == first.shown["run_id"]
    assert (first.name, first.shown["status"]) == ("around", "completed")
    assert (other.name, other.shown["status"]) == ("around", "completed")
    assert other.run.end_ns >= max(block.end_ns for block in cell.blocks_of(other))
