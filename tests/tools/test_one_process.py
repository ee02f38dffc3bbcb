"""Runs of one process: in threads, in asyncio tasks, one inside another, under ``effmeter run``."""

import sys

from tests.tools.cell import BIN, Cell

THREADS = """
    from concurrent.futures import ThreadPoolExecutor
    import effmeter
    from tests.tools.truth import train

    def trial(number):
        with effmeter.track(f"trial-{number}", labels={"number": number}):
            train(f"trial-{number}", 0.6 + 0.5 * number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(trial, range(3)))
"""


TRIALS = ["trial-0", "trial-1", "trial-2"]


def test_threads_are_a_run_and_a_file_each(cell: Cell) -> None:
    cell.run(THREADS)
    found = cell.expect(files=3, runs=TRIALS)
    assert all(run.shown["labels"] == {"number": int(run.name[-1])} for run in found)


STUDY = """
    from concurrent.futures import ThreadPoolExecutor
    import effmeter
    from tests.tools.truth import train

    def trial(number):
        with effmeter.track(f"trial-{number}", labels={"number": number}):
            train(f"trial-{number}", 0.6 + 0.5 * number)

    with effmeter.track("study", labels={"of": "rates"}), ThreadPoolExecutor(2) as pool:
        train("study", 0.5)
        list(pool.map(trial, range(3)))
        train("study", 0.1)
"""


def test_threads_inside_a_run_are_runs_of_its_file(cell: Cell) -> None:
    cell.run(STUDY)
    inside = [f"study/{trial}" for trial in TRIALS]
    study, *trials = cell.expect(files=1, runs=["study", *inside])
    assert study.shown["labels"] == {"of": "rates"}
    assert all(run.shown["labels"] == {"number": int(run.name[-1])} for run in trials)


TASKS = """
    import asyncio
    import effmeter
    from effmeter.clock import now_ns
    from tests.tools.truth import state

    async def task(number):
        with effmeter.track(f"task-{number}") as run:
            begin_ns = now_ns()
            for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
                await asyncio.sleep(0.4 + 0.2 * number)
                epoch.log(loss=number)
            state(f"task-{number}", begin_ns)

    async def all_tasks():
        await asyncio.gather(*map(task, range(3)))

    asyncio.run(all_tasks())
"""


def test_asyncio_tasks_are_a_run_and_a_file_each(cell: Cell) -> None:
    cell.run(TASKS)
    tasks = ["task-0", "task-1", "task-2"]
    for run in cell.expect(files=3, runs=tasks):
        number = int(run.name[-1])
        assert [epoch["metrics"] for epoch in run.shown["epochs"]] == [{"loss": number}] * 2


SIX = """
    import effmeter
    from tests.tools.truth import train

    @effmeter.track("decorated")
    def decorated():
        train("decorated", 0.6)

    for size in range(4):
        with effmeter.track(f"size-{size}", labels={"size": size}) as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
                train(f"size-{size}", 0.4)
                epoch.log(accuracy=size)
    decorated()
    decorated()
"""


def test_effmeter_run_shows_the_command_and_each_run_of_its_program(cell: Cell) -> None:
    cell.runs.mkdir()
    own = str(cell.runs / "own.arrow")
    cell.launch(str(BIN / "effmeter"), "run", "-o", own, "--", sys.executable, cell.write(SIX))
    command, *runs = cell.report().runs
    names = [*(f"size-{size}" for size in range(4)), "decorated", "decorated"]
    cell.expect(files=1, runs=[command.name, *(f"{command.name}/{name}" for name in names)])
    assert command.shown["epoch_count"] == 0
    assert [run.shown["labels"] for run in runs[:4]] == [{"size": size} for size in range(4)]
    assert [run.shown["epoch_count"] for run in runs] == [2, 2, 2, 2, 0, 0]
