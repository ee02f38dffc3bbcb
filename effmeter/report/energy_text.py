"""The energies of a run as text: a row for each component, the total and each wall meter."""

from effmeter.analysis.idle import NetEnergy
from effmeter.analysis.run_analysis import RunAnalysis
from effmeter.analysis.whole_machine import WallEnergy
from effmeter.channel import Calibration
from effmeter.recorded.breakdown import provenances_of
from effmeter.report.cells import energy_cells
from effmeter.report.formatting import energy_systematic, with_interval
from effmeter.report.page import Page


def add_energies(page: Page, analysis: RunAnalysis) -> None:
    """Add the table of a run's energies."""
    breakdown = analysis.breakdown
    net = {} if analysis.net is None else _net_cells(analysis.net)
    parts = [
        (str(part.component), part.energy, part.channels, ", ".join(c.name for c in part.channels))
        for part in breakdown.components
    ]
    if breakdown.total is not None:
        channels = breakdown.cover.channels
        parts.append(("total", breakdown.total, channels, _cover(analysis)))
    parts += [("wall", wall.energy, (wall.channel,), _of_wall(wall)) for wall in analysis.walls]
    no_net = ("", "") if net else ()
    rows = [
        [
            name,
            *energy_cells(energy),
            energy_systematic(energy),
            *net.get(name, no_net),
            ", ".join(provenances_of(channels)),
            summed,
        ]
        for name, energy, channels, summed in parts
    ]
    has_systematic_errors = any(energy.systematic_j for _, energy, _, _ in parts)
    headings = (
        *("component", "energy", "interval", "sensor error" if has_systematic_errors else ""),
        *(("net of idle", "interval") if net else ()),
        *("provenance", "channels"),
    )
    page.table(headings, rows, numeric=range(1, 6 if net else 4))


def _of_wall(wall: WallEnergy) -> str:
    """The meter's channel, and the part of it that the total is, with its error."""
    ratio = wall.total_ratio
    if ratio is None:
        return wall.channel.name
    ends = (ratio.low - ratio.systematic, ratio.high + ratio.systematic)
    share, interval = with_interval(*(100 * end for end in (ratio.value, *ends)))
    return f"{wall.channel.name}; the total is {share} % of it {interval}"


def _net_cells(net: NetEnergy) -> dict[str, list[str]]:
    cells = {str(part.component): energy_cells(part.energy) for part in net.components}
    return {**cells, "total": energy_cells(net.total)}


def _cover(analysis: RunAnalysis) -> str:
    without = ", ".join(missing.what for missing in analysis.breakdown.missing)
    summed = " + ".join(analysis.breakdown.cover.names)
    return f"{summed}, without {without}" if without else summed


def calibration_line(calibration: Calibration) -> str:
    """The gain and offset of a sensor, with their errors and reference."""
    return (
        f"gain {calibration.gain:.4f} ± {calibration.gain_error:.4f}, offset "
        f"{calibration.offset_w:+.1f} ± {calibration.offset_error_w:.1f} W, against "
        f"{calibration.reference}, {calibration.date}"
    )
