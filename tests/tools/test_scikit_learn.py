"""scikit-learn: a grid search is one run, and a candidate that tracks itself is a run inside it."""

from tests.tools.cell import Cell

SEARCH = """
    import numpy
    from sklearn.base import BaseEstimator
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    import effmeter
    from effmeter.clock import now_ns
    from tests.tools.truth import state

    numbers = numpy.random.default_rng(1)
    inputs, classes = numbers.normal(size=(60, 4)), numpy.arange(60) % 2

    def search(name, estimator, grid):
        with effmeter.track(name) as run:
            begin_ns = now_ns()
            found = GridSearchCV(estimator, grid, cv=2, n_jobs=2, refit=False).fit(inputs, classes)
            run.log(accuracy=found.cv_results_["mean_test_score"].max())
            state(name, begin_ns)
"""


def test_a_grid_search_is_one_run_with_its_workers(cell: Cell) -> None:
    twice = """
    for name in ("first", "second"):
        search(name, LogisticRegression(), {"C": [0.1, 1.0, 10.0]})
    """
    cell.run(SEARCH + twice)
    for found in cell.expect(files=2, runs=["first", "second"]):
        assert found.shown["closing_metrics"].keys() == {"accuracy"}


CANDIDATE = """
    from sklearn.base import BaseEstimator
    import effmeter
    from tests.tools.truth import train

    class Candidate(BaseEstimator):
        def __init__(self, depth=1):
            self.depth = depth

        def fit(self, inputs, classes):
            with effmeter.track(f"depth-{self.depth}", labels={"depth": self.depth}):
                train(f"depth-{self.depth}", 0.5)
            return self

        def score(self, inputs, classes):
            return 1 / self.depth
"""


def test_candidates_that_track_themselves_are_runs_inside_the_search(cell: Cell) -> None:
    cell.write(CANDIDATE, "candidate.py")
    twice = """
    from candidate import Candidate
    search("plain", LogisticRegression(), {"C": [0.1, 1.0]})
    search("search", Candidate(), {"depth": [1, 2]})
    """
    cell.run(SEARCH + twice)
    folds = [f"search/depth-{depth}" for depth in (1, 1, 2, 2)]
    found = cell.expect(files=2, runs=["plain", "search", *folds])
    assert [run.shown["labels"] for run in found if run.name == "depth-2"] == [{"depth": 2}] * 2
