"""The shares of a run as text: whose the energy is, with the rule and its bounds."""

from collections.abc import Iterator

from effmeter.analysis.run_shares import Shares
from effmeter.analysis.shares import Holder, Share
from effmeter.energy import Energy
from effmeter.energy.text import energy_words, half_width_words
from effmeter.report.page import Page

_RULE = (
    "attributed: energy above idle in proportion to processor time, and to the time in which a "
    "process used a GPU; bounds for programs whose power per use differs up to {ratio:g}-fold "
    "(--power-ratio)"
)


def add_shares(page: Page, shares: Shares, total: Energy) -> None:
    """A line for each holder of a share, then the rule and what it does not know."""
    rows = [
        [str(holder), *_cells(share, total)]
        for holder, share in shares.shares.items()
        if share.high_j > 0
    ]
    has_sensor_errors = any(share.systematic_j for share in shares.shares.values())
    sensor_error = "sensor error" if has_sensor_errors else ""
    headings = ("attributed to", "energy", "interval", sensor_error, "% of total", "interval")
    page.table(headings, rows, numeric=range(1, 6))
    page.note(_RULE.format(ratio=shares.power_ratio))
    for line in _unknown(shares):
        page.note(line)


def _cells(share: Share, total: Energy) -> Iterator[str]:
    whole_j = total.value_j
    percents = [100 * j / whole_j if whole_j > 0 else 0.0 for j in (share.low_j, share.high_j)]
    interval = f"[{percents[0]:.0f}, {percents[1]:.0f}]"
    if share.value_j is None:
        _, ends = energy_words(share.high_j, share.low_j, share.high_j)
        unit = energy_words(share.high_j, share.low_j, share.high_j)[0].rpartition(" ")[2]
        yield from ("unknown", f"{ends} {unit}", "", "", interval)
        return
    value, ends = energy_words(share.value_j, share.low_j, share.high_j)
    error_j = share.systematic_j
    yield from (value, ends)
    yield half_width_words(error_j, share.value_j, share.low_j, share.high_j) if error_j else ""
    yield f"{100 * share.value_j / whole_j:.0f}" if whole_j > 0 else ""
    yield interval


def _unknown(shares: Shares) -> Iterator[str]:
    if shares.no_idle is not None and Holder.IDLE in shares.shares:
        yield f"idle power is unknown ({shares.no_idle}): each share includes its part of it"
    reasons: dict[str, list[str]] = {}
    for device in shares.devices:
        if device.unknown is not None:
            reasons.setdefault(device.unknown, []).append(device.name)
    for reason, names in reasons.items():
        yield f"unattributed: {', '.join(names)}: {reason}"
    yield from shares.cautions
