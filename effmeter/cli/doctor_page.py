"""The page of ``effmeter doctor``."""

from collections.abc import Mapping, Sequence
from typing import Any

from effmeter.channel import Channel, Refusal
from effmeter.cli.diagnosis import Diagnosis
from effmeter.cli.look import standstill_remedy
from effmeter.cover import IS_MEASURED
from effmeter.report.page import Page
from effmeter.units import format_duration

_HEADINGS = ("channel", "component", "kind", "provenance", "refresh", "reads", "source")


def page_of(diagnosis: Diagnosis, page: Page) -> Page:
    """A page with the channels, what refuses or stands still, and what a total sums."""
    channels = diagnosis.discovery.channels
    if channels:
        page.table(_HEADINGS, [_row(channel, diagnosis) for channel in channels])
    else:
        page.paragraph("No channel can be read on this machine.")
    for alike in _grouped(diagnosis.discovery.refusals):
        page.blank()
        _add_refusals(page, alike)
    for channel in channels:
        if channel.name in diagnosis.standing:
            page.blank()
            _add_standstill(page, channel, diagnosis)
    page.blank()
    _add_cover(page, diagnosis)
    for channel in channels:
        if channel.repeated_by:
            others = channel.repeated_by
            show = "show" if ", " in others else "shows"
            page.paragraph(f"{channel.name} counts once: {others} {show} the same counter", "  ")
        if channel.may_repeat:
            what = f"{channel.name} may show the counter of {channel.may_repeat}: both count"
            page.paragraph(what, "  ")
    for remark in diagnosis.remarks:
        page.paragraph(remark, "  ")
    page.blank()
    page.paragraph(daemon_line(diagnosis.daemon))
    for results in diagnosis.checks.values():
        for result in results:
            page.paragraph(str(result))
    return page


def _row(channel: Channel, diagnosis: Diagnosis) -> tuple[str, ...]:
    return (
        channel.name,
        channel.component.value,
        channel.kind.value,
        channel.provenance.value,
        format_duration(channel.refresh_s),
        diagnosis.failures.get(channel.name, "yes"),
        channel.source,
    )


def _grouped(refusals: Sequence[Refusal]) -> list[list[Refusal]]:
    """Refusals that differ in their source alone, together."""
    groups: dict[tuple[object, ...], list[Refusal]] = {}
    for refusal in refusals:
        alike = (refusal.component, refusal.reason, refusal.remedy, refusal.present)
        groups.setdefault(alike, []).append(refusal)
    return list(groups.values())


def _add_refusals(page: Page, alike: Sequence[Refusal]) -> None:
    refusal = alike[0]
    heading = "Refused" if refusal.present else "Absent"
    sources = ", ".join(other.source for other in alike)
    reason = refusal.reason.removeprefix(f"{refusal.source}: ")
    page.paragraph(f"{heading}: {refusal.component} from {sources}: {reason}")
    for line in refusal.remedy.splitlines():
        page.verbatim(line, "    ")


def _add_standstill(page: Page, channel: Channel, diagnosis: Diagnosis) -> None:
    reason = diagnosis.failures[channel.name]
    page.paragraph(f"Stands still: {channel.name} from {channel.source}: {reason}")
    for line in standstill_remedy(channel, diagnosis.cover).splitlines():
        page.verbatim(line, "    ")


def _add_cover(page: Page, diagnosis: Diagnosis) -> None:
    cover = diagnosis.cover
    page.paragraph(f"A total sums: {', '.join(cover.names) or 'nothing, so no energy is known'}")
    for channel in cover.channels:
        if channel.name in cover.estimated:
            error = f"true within a factor of {channel.estimate_factor:g}"
            page.paragraph(f"estimated: {channel.name}, {error} ({channel.scope})", "  ")
    if cover.missing:
        page.paragraph(f"not measured, and in no total: {', '.join(cover.missing)}", "  ")
    if cover.partial:
        page.paragraph(f"incomplete, without {', '.join(cover.partial)}", "  ")
    reserve = [name for name, reason in cover.left_out if reason.endswith(IS_MEASURED)]
    if reserve:
        page.paragraph(f"in reserve, should a sensor fail: {', '.join(reserve)}", "  ")
    by_reason: dict[str, list[str]] = {}
    for name, reason in cover.left_out:
        if name not in reserve:
            by_reason.setdefault(diagnosis.failures.get(name, reason), []).append(name)
    for reason, names in by_reason.items():
        page.paragraph(f"left out: {', '.join(names)} ({reason})", "  ")


def daemon_line(status: Mapping[str, Any] | None) -> str:
    """One line about the shared recorder that ``track()`` would use."""
    if status is None:
        return "Recorder daemon: not running; each run starts a recorder of its own"
    channels = ", ".join(status["channels"]) or "none"
    return (
        f"Recorder daemon: running (pid {status['pid']}, recordings: {status['recordings']}); "
        f"runs use its channels: {channels}"
    )
