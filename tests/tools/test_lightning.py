"""Lightning: the ranks of a strategy are one run, where a callback tracks."""

import sys

import pytest

from tests.tools.cell import Cell

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
            train("fit", 0.5)

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

    if __name__ == "__main__":
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=2,
            strategy=sys.argv[1],
            max_epochs=2,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Energy()],
        )
        trainer.fit(Model(), DataLoader(TensorDataset(torch.ones(8, 4)), batch_size=2))
"""


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_the_ranks_of_a_strategy_are_one_run_of_one_file(cell: Cell, strategy: str) -> None:
    cell.launch(sys.executable, cell.write(TRAIN), strategy)
    (found,) = cell.expect(files=1, runs=["fit"], ranks=[0, 1])
    assert found.shown["closing_metrics"] == {"devices": 2}
