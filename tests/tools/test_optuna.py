"""Optuna: each trial is a run, also of two threads at once."""

from tests.tools.cell import Cell

STUDY = """
    import optuna
    import effmeter
    from tests.tools.truth import train

    def objective(trial):
        rate = trial.suggest_float("rate", 0.0, 1.0)
        name = f"trial-{trial.number}"
        with effmeter.track(name, labels={"rate": rate}) as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
                train(name, 0.3 + 0.1 * trial.number)
                epoch.log(loss=trial.number)
        return trial.number

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
"""
TRIALS = [f"trial-{number}" for number in range(4)]


def test_trials_of_two_threads_are_a_run_and_a_file_each(cell: Cell) -> None:
    cell.run(STUDY + "    study.optimize(objective, n_trials=4, n_jobs=2)\n")
    found = cell.expect(files=4, runs=TRIALS)
    assert [run.shown["epoch_count"] for run in found] == [2] * 4


def test_trials_inside_a_run_are_runs_of_its_file(cell: Cell) -> None:
    around = """
    with effmeter.track("study"):
        study.optimize(objective, n_trials=4, n_jobs=2)
    """
    cell.run(STUDY + around)
    inside = [f"study/{trial}" for trial in TRIALS]
    study, *trials = cell.expect(files=1, runs=["study", *inside])
    assert study.shown["epoch_count"] == 0
    assert study.shown["labels"] == {}
    assert sorted(run.shown["epochs"][-1]["metrics"]["loss"] for run in trials) == [0, 1, 2, 3]
