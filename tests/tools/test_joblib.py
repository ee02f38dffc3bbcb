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


def test_threads_of_joblib_are_runs_too(cell: Cell) -> None:
    around = """
    with effmeter.track("a"):
        fit_all("a", backend="threading")
    """
    cell.run(WORKERS + around)
    cell.expect(files=1, runs=["a", "a/a-0", "a/a-1"], overlapping=["a-0", "a-1"])
