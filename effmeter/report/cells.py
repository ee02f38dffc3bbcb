"""The cells of tables that show energies and efficiencies."""

from effmeter.analysis.efficiency import EpochEfficiency
from effmeter.energy import Energy
from effmeter.report.formatting import energy_figure, energy_interval, per_kilojoule


def energy_cells(energy: Energy | None) -> list[str]:
    """An energy and its interval."""
    return ["unknown", ""] if energy is None else [energy_figure(energy), energy_interval(energy)]


def per_kj_cells(point: EpochEfficiency) -> tuple[str, str]:
    """An efficiency per kilojoule and its interval."""
    return per_kilojoule(point.value_per_j, point.low_per_j, point.high_per_j)


def counted(count: int, noun: str) -> str:
    """A number of things: ``"1 epoch"``, ``"3 epochs"``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
