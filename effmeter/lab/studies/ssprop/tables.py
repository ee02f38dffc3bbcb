"""The account of operations, Tables 4 to 7, the sensitivity study and Figure 4 from the runs."""

from effmeter.lab.studies.comparison_table import learning_table
from effmeter.lab.studies.figure_data import FigureData
from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.ssprop.arms import SSPROP
from effmeter.lab.studies.ssprop.flops_table import flops_table
from effmeter.lab.studies.ssprop.plan import SEARCH
from effmeter.lab.studies.ssprop.search import search_data, search_table


def paper_tables(study: MethodStudy) -> list[PaperTable]:
    """The account, then those of the parts that were asked for, in their order."""
    tables = [
        (search_table if plan.part == SEARCH else learning_table)(plan, study.results)
        for plan in study.scale.tables
    ]
    return [flops_table(SSPROP), *tables]


def figure_data(study: MethodStudy) -> list[FigureData]:
    """The data behind Figure 4, if it was asked for."""
    plans = [plan for plan in study.scale.tables if plan.part == SEARCH]
    return [search_data(plan, study.results) for plan in plans]
