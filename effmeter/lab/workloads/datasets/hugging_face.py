"""Data sets of the Hugging Face Hub, through its own library and cache.

Reaches the network; the caller has been allowed to.
"""

from effmeter.lab.workloads.datasets.arrays import Parts
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.layouts import ParquetLayout
from effmeter.lab.workloads.datasets.parquet import decoded


def read_hub(dataset: Dataset, repository: str, layout: ParquetLayout) -> Parts:
    """Both parts of a repository, downloaded once; OSError where it cannot be had."""
    import datasets

    try:
        loaded = datasets.load_dataset(repository)
    except OSError as error:
        raise OSError(
            f"{dataset.name} cannot be downloaded from Hugging Face: {error}; or name a folder "
            "that holds its files (--data-dir)"
        ) from error
    tables = [loaded[split].with_format("arrow")[:] for split in (layout.train, layout.test)]
    return Parts(*(decoded(table, layout, dataset, repository) for table in tables))
