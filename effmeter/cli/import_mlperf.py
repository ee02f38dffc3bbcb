"""``effmeter import mlperf``: MLPerf Training's power logs with the log of their result."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from effmeter.cli.import_options import common_options, import_logs
from effmeter.errors import UsageError
from effmeter.importers.log import StatedPower
from effmeter.importers.meters import MeterFacts
from effmeter.importers.mlperf import mlperf_log
from effmeter.importers.run_files import ImportOptions


@click.command("mlperf")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--result",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The log of the result, where it lies elsewhere than the logs of the nodes.",
)
@common_options
def command(
    paths: tuple[Path, ...],
    result: Path | None,
    name: str | None,
    labels: Mapping[str, str],
    metric_modes: Mapping[str, str],
    accuracy: float | None,
    window_s: float | None,
    stated: Sequence[StatedPower],
    as_json: bool,
    output: Path | None,
) -> None:
    """Import MLPerf Training's power logs with the log of their result.

    PATHS are folders, each with the logs of one run, or the files of one run. A node's log holds
    power_reading; the log of the result holds run_start and run_stop, between which energy counts,
    and the evaluations. Each node has a run file of its own, and the nodes of a run are one job.

    eval_accuracy is whatever the benchmark evaluates, a loss for some: say which is better with
    --metric-mode eval_accuracy=min (or max).
    """
    folders = [path for path in paths if path.is_dir()]
    if len(paths) > 1 and folders and len(folders) < len(paths):
        raise UsageError("name folders, each of one run, or the files of one run, not both")
    runs = [[folder] for folder in folders] if folders else [list(paths)]
    if len(runs) > 1 and (name or result):
        option = "--name" if name else "--result"
        raise UsageError(f"{option} is of one run, and there are {len(runs)}: import one at a time")
    beside = [] if result is None else [result]
    logs = [mlperf_log([*run, *beside], name) for run in runs]
    facts = MeterFacts(accuracy_fraction=accuracy, window_s=window_s)
    options = ImportOptions(facts, labels, metric_modes, stated=tuple(stated))
    import_logs(logs, options, output, as_json=as_json)
