"""The published figures, as the paper prints them: Tables 3, 5, 7, 9 and 13.

Source: Cueto-Mendoza and Kelleher, *A framework for measuring the training efficiency of a
neural architecture*, Tables 3, 5, 7, 9 (MNIST) and 13 (excerpts). Energies are sums of power
samples (W), which depend on how often the paper's sensors were read; only ratios and rankings
compare with joules. Misprints stand as they were printed and are flagged. Of the CIFAR-10 tables
(4, 6, 8, 10) no figures are held.
"""

from functools import cache
from importlib.resources import as_file, files

from effmeter.analysis.efficiency_framework.from_tables import read_tables
from effmeter.analysis.efficiency_framework.observation import POWER_SAMPLES
from effmeter.analysis.efficiency_framework.result import Framework, framework

PUBLISHED_DATASETS = ("mnist", "cifar10")
"""The data sets of the paper's odd and even tables."""


@cache
def published() -> Framework:
    """The framework over the published figures."""
    with as_file(files("effmeter.lab.studies.training_efficiency") / "published_tables") as folder:
        return framework(read_tables(sorted(folder.glob("*.csv")), POWER_SAMPLES))
