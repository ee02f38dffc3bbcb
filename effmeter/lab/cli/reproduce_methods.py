"""``effmeter reproduce s2``, ``s3`` and ``s4``: studies of training methods."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from effmeter.errors import EffmeterError
from effmeter.lab.cli import reproduce_figures
from effmeter.lab.cli.reproduce_tables import print_tables
from effmeter.lab.cli.sweep import parse_integers, run_grid
from effmeter.lab.cli.sweep_outcomes import as_mapping
from effmeter.lab.studies.caveats import energy_caveats
from effmeter.lab.studies.figure_data import FigureData
from effmeter.lab.studies.gradient_approximation import plan as s4_plan
from effmeter.lab.studies.gradient_approximation import tables as s4_tables
from effmeter.lab.studies.grow_prune_select import loss_curves as s2_curves
from effmeter.lab.studies.grow_prune_select import plan as s2_plan
from effmeter.lab.studies.grow_prune_select import tables as s2_tables
from effmeter.lab.studies.method_study import MethodStudy, StudyScale, method_study
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.results_mapping import results_mapping
from effmeter.lab.studies.ssprop import plan as s3_plan
from effmeter.lab.studies.ssprop import tables as s3_tables
from effmeter.lab.studies.variant import cells_of
from effmeter.lab.sweep import Outcome, find_device
from effmeter.lab.workloads import Recipe


@dataclass(frozen=True, slots=True)
class Study:
    """A study as a command."""

    name: str
    scales: Mapping[str, StudyScale]
    tables: Callable[[MethodStudy], list[PaperTable]]
    help: str
    figures: Callable[[MethodStudy], list[FigureData]] | None = None
    """None: the study has no figure of data."""

    @property
    def epilog(self) -> str:
        """Its scales and parts."""
        scales = "\n\n".join(f"{scale.name}: {scale.summary}." for scale in self.scales.values())
        return f"{scales}\n\nParts: {', '.join(self.scales['tiny'].parts)}."


S2 = Study(
    "s2",
    s2_plan.SCALES,
    s2_tables.paper_tables,
    """Measure growing, pruning and data selection against small and big baselines.

    Boumendil et al., "Grow, prune or select data": Tables II to IV, with the published figures
    that are held beside one's own, random growing and pruning as controls, and the data behind
    Figures 3 and 4, written as CSV beside the runs and drawn with matplotlib. Table I is effmeter
    reproduce s2-table1.
    """,
    s2_curves.figure_data,
)
S3 = Study(
    "s3",
    s3_plan.SCALES,
    s3_tables.paper_tables,
    """Measure ssProp against dense training, random channels and a smaller network.

    Zhong et al., "ssProp: Energy-Efficient Training for Convolutional Neural Networks with
    Scheduled Sparse Back Propagation": the account of operations beside the published one, Tables
    4 to 7, the sensitivity study, and the data behind Figure 4, written as CSV beside the runs.
    """,
    s3_tables.figure_data,
)
S4 = Study(
    "s4",
    s4_plan.SCALES,
    s4_tables.paper_tables,
    """Measure zero, random and max gradients against dense training and a smaller network.

    Wang et al., "Accelerated CNN Training Through Gradient Approximation": Tables 2 to 5, three
    schedules of layers and batches, and the switch to full gradients at a plateau.
    """,
)


def command_of(study: Study) -> click.Command:
    """The command that records a study's runs and prints its tables."""

    @click.command(study.name, help=study.help, epilog=study.epilog)
    @click.option(
        "--scale",
        "scale_name",
        type=click.Choice(list(study.scales)),
        default="tiny",
        show_default=True,
        help="How much is trained; see below.",
    )
    @click.option(
        "--part",
        "parts",
        multiple=True,
        metavar="PART",
        help="Train and print this part alone; see below. May be given several times.",
    )
    @click.option(
        "--out",
        "directory",
        type=click.Path(path_type=Path),
        help=f"Where runs and figures' data go.  [default: runs/{study.name}-SCALE]",
    )
    @click.option(
        "--seeds",
        default="0-2",
        show_default=True,
        help="Seeds; differences are paired over them, and two or more give intervals.",
    )
    @click.option("--data-dir", type=click.Path(path_type=Path), help="A folder of data set files.")
    @click.option("--download", is_flag=True, help="Get data sets from Hugging Face.")
    @click.option("--device", default="auto", show_default=True, help="Where to train.")
    @click.option("--fresh", is_flag=True, help="Repeat runs that are done.")
    @click.option("--wait", is_flag=True, help="Wait while another training has the device.")
    @click.option("--json", "as_json", is_flag=True, help="Print tables and figures as JSON.")
    def command(
        scale_name: str,
        parts: tuple[str, ...],
        directory: Path | None,
        seeds: str,
        data_dir: Path | None,
        download: bool,
        device: str,
        fresh: bool,
        wait: bool,
        as_json: bool,
    ) -> None:
        scale = study.scales[scale_name].restricted_to(parts)
        numbers = parse_integers(seeds, "--seeds")
        # Mistakes are told before torch is loaded.
        cells_of(scale.variants, numbers, Recipe("", data_dir=data_dir, download=download))
        found = find_device(device)
        common = Recipe("", data_dir=data_dir, download=download, device=found.name)
        cells = cells_of(scale.variants, numbers, common)
        place = directory or Path("runs", f"{study.name}-{scale.name}")
        outcomes = run_grid(cells, found, place, fresh=fresh, wait=wait)
        result = method_study(scale, outcomes)
        figures = [] if study.figures is None else study.figures(result)
        written = reproduce_figures.write(figures, place / "figures")
        _print(study.tables(result), result, outcomes, written, as_json)
        unfinished = sum(not outcome.is_complete for outcome in outcomes)
        if unfinished:
            raise EffmeterError(f"{unfinished} of {len(outcomes)} runs did not complete")

    return command


def _print(
    tables: Sequence[PaperTable],
    result: MethodStudy,
    outcomes: Sequence[Outcome],
    written: Sequence[Path],
    as_json: bool,
) -> None:
    if as_json:
        mapping = {
            "scale": result.scale.name,
            "caveats": list(energy_caveats(result.runs)),
            "tables": [table.as_mapping() for table in tables],
            "results": results_mapping(result),
            "figures": list(map(str, written)),
            "runs": [as_mapping(outcome) for outcome in outcomes],
        }
        click.echo(json.dumps(mapping, indent=2, allow_nan=False))
        return
    print_tables(tables, energy_caveats(result.runs))
    reproduce_figures.tell(written)
