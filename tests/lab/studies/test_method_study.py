"""A study from training to tables, as small as it gets."""

from pathlib import Path

import pytest

from effmeter.lab.studies.comparison import Comparison, TablePlan
from effmeter.lab.studies.comparison_table import learning_table
from effmeter.lab.studies.method_results import MethodResults, MethodScale
from effmeter.lab.studies.ssprop.study import ssprop_arms
from effmeter.lab.studies.variant import Variant, cells_of
from effmeter.lab.sweep import find_device, record_cells
from effmeter.lab.workloads import Recipe
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed


@pytest.mark.slow
def test_recorded_runs_of_a_method_fill_a_table(machine: SimulatedMachine, tmp_path: Path) -> None:
    options = (("width", 4), ("shifts", 0))
    dense = Variant(Recipe("cnn2", batch_size=128, options=options, method="dense"), 2)
    plan = TablePlan("t", "Table", "a method", (Comparison(dense, ssprop_arms(dense)),))
    scale = MethodScale("smallest", "for a test", (plan,))
    cells = cells_of(scale.variants, (0,), Recipe("", device="cpu"))
    outcomes = list(record_cells(cells, find_device("cpu"), tmp_path, lambda _: None))
    result = MethodResults.gather(scale, outcomes)
    assert len(result.runs) == 3
    table = learning_table(plan, result.by_variant)
    whole, sparse, random = (
        dict(zip(table.headings[7:10], row[7:10], strict=True)) for row in table.rows
    )
    assert whole["/ dense"] == ""
    assert 0.5 < float(sparse["/ dense"]) < 0.8
    assert float(random["/ dense"]) < float(sparse["/ dense"])  # drawing costs nothing
    (again,) = {
        o.earlier for o in record_cells(cells, find_device("cpu"), tmp_path, lambda _: None)
    }
    assert again
