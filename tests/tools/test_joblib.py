"""joblib: its workers outlive a run, and join the one that they work for."""

from tests.tools.cell import Cell

WORKERS = """
    from joblib import Parallel, delayed
    import effmeter
    from tests.tools.truth import train

    def fit(name):
        import effmeter
        from tests.tools.truth import train
        with effmeter.track(name):
            train(name, 1.0)

    def fit_all(group, **options):
        Parallel(n_jobs=2, **options)(delayed(fit)(f"{group}-{n}") for n in range(2))
"""


def test_workers_of_two_runs_in_turn_join_the_run_they_work_for(cell: Cell) -> None:
    around = """
    for group in "ab":
        with effmeter.track(group):
            fit_all(group)
    """
    said = cell.run(WORKERS + around)
    runs = ["a", "a/a-0", "a/a-1", "b", "b/b-0", "b/b-1"]
    cell.expect(files=2, runs=runs)
    assert "cannot be joined" not in said


def test_workers_after_a_run_record_by_themselves(cell: Cell) -> None:
    around = """
    with effmeter.track("a"):
        fit_all("a")
    fit_all("alone")
    """
    said = cell.run(WORKERS + around)
    runs = ["a", "a/a-0", "a/a-1", "alone-0", "alone-1"]
    cell.expect(files=3, runs=runs)
    assert "cannot be joined" not in said


def test_workers_begun_before_the_run_join_it(cell: Cell) -> None:
    around = """
    Parallel(n_jobs=2)(delayed(abs)(n) for n in range(2))
    with effmeter.track("a"):
        fit_all("a")
    """
    cell.run(WORKERS + around)
    cell.expect(files=1, runs=["a", "a/a-0", "a/a-1"])


def test_threads_of_joblib_are_runs_too(cell: Cell) -> None:
    around = """
    with effmeter.track("a"):
        fit_all("a", backend="threading")
    """
    cell.run(WORKERS + around)
    cell.expect(files=1, runs=["a", "a/a-0", "a/a-1"])
