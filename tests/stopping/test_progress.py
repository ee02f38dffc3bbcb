"""Where a loop stands, as a criterion sees it."""

from effmeter.stopping.progress import EpochResult, Progress


def test_a_metric_has_the_values_of_the_epochs_that_logged_it() -> None:
    epochs = [
        EpochResult(1, {"loss": 0.5}),
        EpochResult(2, {"accuracy": 0.75}),
        EpochResult(3, {"loss": 0.0, "accuracy": 0.8}),
    ]
    progress = Progress(epochs)
    assert progress.logged("loss") == [0.5, 0.0]
    assert progress.logged("accuracy") == [0.75, 0.8]
    assert progress.logged("fid") == []


def test_a_loop_that_has_not_begun_has_logged_nothing_and_its_energy_can_still_be_known() -> None:
    progress = Progress()
    assert progress.logged("loss") == []
    assert (progress.used, progress.energy_is_known, progress.within_epoch) == (None, True, False)
