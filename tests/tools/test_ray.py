"""Ray: tasks join the run of the driver, whether Ray was started before it or inside it."""

import pytest

from tests.tools.cell import Cell

TASKS = """
    import ray
    import effmeter
    from tests.tools.truth import train

    options = {"num_cpus": 2, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}

    @ray.remote(num_cpus=1)
    def fit(name):
        import effmeter
        from tests.tools.truth import train
        with effmeter.track(name):
            train(name, 1.0)

    def fit_all(group):
        ray.get([fit.remote(f"{group}-{number}") for number in range(2)])
"""
QUIET = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
"""Ray writes no token into the home directory, and reports nothing."""

BEFORE = """
    ray.init(**options)
    with effmeter.track("driver"):
        fit_all("task")
"""
INSIDE = """
    with effmeter.track("driver"):
        ray.init(**options)
        fit_all("task")
"""
TWICE = """
    ray.init(**options)
    for group in "ab":
        with effmeter.track(group):
            fit_all(group)
"""


@pytest.mark.parametrize("around", [BEFORE, INSIDE], ids=["before", "inside"])
def test_tasks_are_runs_of_the_drivers_file(cell: Cell, around: str) -> None:
    cell.run(TASKS + around, **QUIET)
    runs = ["driver", "driver/task-0", "driver/task-1"]
    cell.expect(files=1, runs=runs)


def test_tasks_of_two_runs_in_turn_join_the_run_they_work_for(cell: Cell) -> None:
    cell.run(TASKS + TWICE, **QUIET)
    runs = ["a", "a/a-0", "a/a-1", "b", "b/b-0", "b/b-1"]
    cell.expect(files=2, runs=runs)
