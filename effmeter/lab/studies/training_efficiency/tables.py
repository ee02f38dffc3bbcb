"""Tables 3 to 14 of the case study, own figures beside the published ones.

Tables 3, 5, 7 and 9 are of the first data set (MNIST in the paper), 4, 6, 8 and 10 of the second
(CIFAR-10), each by one criterion. 11 and 12 hold Eq 3 and Eq 4 of the two, 13 the overtraining,
14 the comparison of the two data sets. Which figures stand side by side in 11, 12 and 14 was
decided here.
"""

from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA
from effmeter.lab.studies.training_efficiency.criterion_tables import criterion_table
from effmeter.lab.studies.training_efficiency.means_tables import datasets_table, means_table
from effmeter.lab.studies.training_efficiency.overtraining_table import overtraining_table
from effmeter.lab.studies.training_efficiency.study import CaseStudy


def paper_tables(study: CaseStudy) -> list[PaperTable]:
    """All twelve, in their order; those without data say what would fill them."""
    by_criterion = [
        criterion_table(study, 3 + 2 * row + place, place, criterion)
        for row, criterion in enumerate(CRITERIA)
        for place in (0, 1)
    ]
    means = [means_table(study, 11 + place, place) for place in (0, 1)]
    return [*by_criterion, *means, overtraining_table(study, 13), datasets_table(study, 14)]
