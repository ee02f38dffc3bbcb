"""Tables 2 to 5 from the runs of the study."""

from effmeter.reproduce.comparison_table import learning_table, speed_table
from effmeter.reproduce.method_study import MethodStudy
from effmeter.reproduce.paper_table import PaperTable
from effmeter.reproduce.s4.plan import SPEED


def paper_tables(study: MethodStudy) -> list[PaperTable]:
    """Those of the parts that were asked for, in their order."""
    return [
        (speed_table if plan.part == SPEED else learning_table)(plan, study.results)
        for plan in study.scale.tables
    ]
