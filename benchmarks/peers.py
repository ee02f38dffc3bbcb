"""``python -m benchmarks.peers``: effmeter beside zeus and codecarbon, same simulated sensors.

Every tool measures windows of known energy in a program of its own, by turns with the others.
"""

import datetime as dt
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import click

from benchmarks.figures import Spread
from benchmarks.peers_machine import (
    CHANNELS,
    SCENARIOS,
    Scenario,
    Stage,
    stage,
    why_no_namespace,
    why_not,
)
from benchmarks.surroundings import describe_host
from benchmarks.tables import heading_of
from effmeter.client.request import DEFAULT_RATE_HZ

LENGTHS_S = {0.5: 4, 1.0: 3, 2.0: 2, 5.0: 1}
"""Windows of each length in one round of one tool."""
FIRST_S = 1.0
ROUNDS = 2
PEERS = ("zeus", "codecarbon")
MACHINE = "the simulated machine"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tool with its settings."""

    name: str
    program: str
    settings: Mapping[str, Any] = field(default_factory=dict)


CONTESTANTS = (
    Contestant("effmeter", "peers_effmeter", {"rate_hz": DEFAULT_RATE_HZ}),
    Contestant("effmeter 1 kHz", "peers_effmeter", {"rate_hz": 1000}),
    Contestant("zeus", "peers_zeus"),
    Contestant("codecarbon", "peers_codecarbon", {"tasks": False, "every_s": 0.1}),
    Contestant("codecarbon tasks", "peers_codecarbon", {"tasks": True, "every_s": 0.1}),
)

Samples = dict[tuple[str, str], list[float]]
"""Values by figure and contestant."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print every value as JSON.")
@click.option("--quick", is_flag=True, help="One short round; shows that it works.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Turns of every tool.")
def main(as_json: bool, quick: bool, rounds: int) -> None:
    """Measure the same windows with effmeter, zeus and codecarbon; print how far each was off.

    The sensors are simulated, so the truth is known. Tables of Markdown go to stdout, progress
    to stderr. zeus and codecarbon must be installed: make bench-peers does that.
    """
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"not installed: {', '.join(missing)}. Run make bench-peers")
    if reason := why_not():
        raise click.ClickException(reason)
    lengths_s = [0.5, 1.0] if quick else [n for n, count in LENGTHS_S.items() for _ in range(count)]
    if reason := why_no_namespace():
        click.echo(f"only the GPU is compared: {reason}", err=True)
    found = {s.name: measured(s, [FIRST_S, *lengths_s], 1 if quick else rounds) for s in SCENARIOS}
    date = dt.datetime.now(dt.UTC).date().isoformat()
    host = describe_host()
    versions = {name: version(name) for name in ("effmeter", *PEERS)}
    if as_json:
        told = {"date": date, "host": host._asdict(), "quick": quick, "versions": versions}
        click.echo(json.dumps({**told, "scenarios": _plain(found)}))
    else:
        named = ", ".join(f"{name} {number}" for name, number in versions.items())
        click.echo("\n".join([*heading_of(host, date, quick), f"{named}.", *_page(found)]))


def measured(scenario: Scenario, lengths_s: Sequence[float], rounds: int) -> Samples:
    """All contestants in turn, each round on the same machine."""
    samples: Samples = defaultdict(list)
    with stage(scenario) as place:
        for number in range(rounds):
            for contestant in CONTESTANTS:
                click.echo(f"{scenario.name}: {number + 1}: {contestant.name}", err=True)
                path = str(place.folder / f"{number}-{contestant.name}.arrow")
                settings = {"path": path, "lengths_s": lengths_s, **contestant.settings}
                told = place.run(contestant.program, settings)
                for figure, value in figures_of(place, told):
                    samples[figure, contestant.name].append(value)
        samples["late, ms", MACHINE].append(place.machine.driver.lateness_s() * 1e3)
    return samples


def figures_of(place: Stage, told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Everything that one start of a tool gives, as name and value."""
    first, *others = told["of"]
    yield "set up and first begin, ms", (told["enter"] + first["begin_took_ns"]) * 1e-6
    yield "tear down, ms", told["leave"] * 1e-6
    for window in told["of"]:
        length = "first, 1 s" if window is first else f"{window['length_s']:g} s"
        yield from _errors(place, window, length)
    for window in others:
        yield "begin, ms", window["begin_took_ns"] * 1e-6
        yield "end, ms", window["end_took_ns"] * 1e-6
        if window["length_s"] == max(w["length_s"] for w in others):
            yield "processor time, ms/s", window["cpu_fraction"] * 1e3


def _errors(place: Stage, window: Mapping[str, Any], length: str) -> Iterator[tuple[str, float]]:
    """In per cent of the truth, which is that of the work between begin and end."""
    for component, energy_j in window["energy_j"].items():
        true_j = place.true_energy_j(component, window["begin_ns"], window["end_ns"])
        yield f"{component}, {length}", 100 * (energy_j / true_j - 1)
        if interval_j := window["interval_j"].get(component):
            low_j, high_j = interval_j
            yield f"{component}, {length}, half-width", 50 * (high_j - low_j) / true_j
            yield "inside", float(low_j <= true_j <= high_j)


def _page(found: Mapping[str, Samples]) -> Iterator[str]:
    for name, samples in found.items():
        yield from ("", f"**{name}**", "")
        yield from _table("off the truth: median (worst), %", _error_rows(samples))
        yield from ("", *_table("cost: median [quartiles]", _cost_rows(samples)))
        (late_ms,) = samples["late, ms", MACHINE]
        yield f"\nThe simulated counters were at most {late_ms:.1f} ms late."


def _table(title: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    names = [contestant.name for contestant in CONTESTANTS]
    yield f"| {title} | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _error_rows(samples: Samples) -> Iterator[list[str]]:
    figures = dict.fromkeys(figure for figure, _ in samples)
    for component in CHANNELS:
        for figure in figures:
            if figure.startswith(f"{component}, ") and not figure.endswith("half-width"):
                yield [figure, *(_error(samples, figure, c.name) for c in CONTESTANTS)]


def _error(samples: Samples, figure: str, name: str) -> str:
    """What was seen, and what the tool itself says that it may be off."""
    values = sorted(map(abs, samples.get((figure, name), ())))
    if not values:
        return "-"
    half_widths = samples.get((f"{figure}, half-width", name))
    said = f", says ±{_rounded(statistics.median(half_widths))}" if half_widths else ""
    return f"{_rounded(statistics.median(values))} ({_rounded(values[-1])}){said}"


def _cost_rows(samples: Samples) -> Iterator[list[str]]:
    for figure in ("processor time, ms/s", "set up and first begin, ms", "begin, ms", "end, ms"):
        yield [figure, *(_spread(samples[figure, c.name]) for c in CONTESTANTS)]
    yield ["tear down, ms", *(_spread(samples["tear down, ms", c.name]) for c in CONTESTANTS)]
    yield ["truth inside its interval", *(_inside(samples, c.name) for c in CONTESTANTS)]


def _spread(values: Sequence[float]) -> str:
    return "{} [{}, {}]".format(*map(_rounded, Spread.of(values)))


def _inside(samples: Samples, name: str) -> str:
    told = samples.get(("inside", name))
    return f"{sum(told):.0f} of {len(told)}" if told else "gives none"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _plain(found: Mapping[str, Samples]) -> Mapping[str, Any]:
    """Scenario, contestant, figure."""
    plain: dict[str, Any] = {}
    for scenario, samples in found.items():
        for (figure, name), values in samples.items():
            plain.setdefault(scenario, {}).setdefault(name, {})[figure] = values
    return plain


if __name__ == "__main__":
    sys.exit(main())
