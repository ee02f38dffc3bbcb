"""Ray: tasks join the run of the driver, where Ray was started inside it."""

import pytest

from tests.tools.cell import Cell

TASKS = """
    import ray
    import effmeter
    from tests.tools.truth import train

    options = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}

    @ray.remote(num_cpus=1)
    def fit(name):
        import effmeter
        from tests.tools.truth import train
        with effmeter.track(name):
            train(name, 1.0)

    def fit_all(group):
        ray.get([fit.remote(f"{group}-{number}") for number in range(2)])
"""
INSIDE = """
    with effmeter.track("driver"):
        ray.init(**options)
        fit_all("task")
"""


@pytest.mark.parametrize("around", [INSIDE], ids=["inside"])
def test_tasks_are_runs_of_the_drivers_file(cell: Cell, around: str) -> None:
    cell.run(TASKS + around)
    runs = ["driver", "driver/task-0", "driver/task-1"]
    cell.expect(files=1, runs=runs, overlapping=["task-0", "task-1"])
