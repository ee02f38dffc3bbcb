"""Tables 2 to 5 from the runs of the study."""

from effmeter.lab.studies.comparison_table import learning_table, speed_table
from effmeter.lab.studies.gradient_approximation.plan import SPEED
from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.paper_table import PaperTable


def paper_tables(study: MethodStudy) -> list[PaperTable]:
    """Those of the parts that were asked for, in their order."""
    return [
        (speed_table if plan.part == SPEED else learning_table)(plan, study.results)
        for plan in study.scale.tables
    ]
