"""``effmeter import mlperf``: MLPerf Training's power logs with the log of their result."""

from pathlib import Path

import click

from effmeter.cli.import_options import CommonOptions, common_options
from effmeter.errors import UsageError
from effmeter.importers.mlperf import mlperf_log


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
    common: CommonOptions,
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
    of_one = {"--name": common.name, "--job": common.job, "--result": result}
    option = next((option for option, value in of_one.items() if value is not None), None)
    if len(runs) > 1 and option is not None:
        raise UsageError(f"{option} is of one run, and there are {len(runs)}: import one at a time")
    beside = [] if result is None else [result]
    common.import_logs([mlperf_log([*run, *beside], common.name) for run in runs])
