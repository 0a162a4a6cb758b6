"""Response time or satisfaction for people: a row per stream, what fired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from flywheel.cli.drawing import UNKNOWN, amount, make_table, moment, percent, styled
from flywheel.cli.watch_page import changes, chosen, short_name, shown, since, trend
from flywheel.learn.quality_parts import speaking

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.quality import QualityReading, QualityReport


def draw_measures(console: Console, reports: Sequence[QualityReport], by: str | None) -> None:
    """A table for each further measure.

    Args:
        console: where to.
        reports: of the further measures.
        by: prompt, slice, model or cell; None shows prompts with whatever fired.
    """
    for report in reports:
        _draw(console, report, by)


def not_watched(reports: Sequence[QualityReport], quality: QualityReport) -> str:
    """Which further measures are not watched and why, empty where all are.

    Args:
        reports: of the further measures.
        quality: the report beside which they stand.
    """
    there = {one.settings.measure for one in reports}
    missing = []
    if "response time" not in there:
        told = "no latency is recorded" if quality.settings.response_ms else "no target: --response-ms"
        missing.append(f"response time ({told})")
    if "satisfaction" not in there:
        missing.append("satisfaction (no ratings)")
    return f"Not watched: {', '.join(missing)}." if missing and quality.readings else ""


def all_changes(before: Sequence[QualityReport], after: Sequence[QualityReport]) -> list[str]:
    """Lines of `changes` for quality and each further measure; a measure that is new says nothing yet."""
    known = {one.settings.measure: one for one in before}
    lines = []
    for report in after:
        old = known.get(report.settings.measure)
        about = "" if report is after[0] else f"{report.settings.measure}: "
        lines += [f"{about}{line}" for line in changes(old, report)] if old is not None else []
    return lines


def value_of(reading: QualityReading, measure: str) -> tuple[str, str]:
    """The number of a stream in the unit of the measure, with its interval.

    Examples:
        >>> from flywheel.records.quality import QualityReading
        >>> value_of(QualityReading(rate=0.75, low=0.7, high=0.8), "satisfaction")
        ('4.00', '3.80-4.20')
        >>> value_of(QualityReading(p95_ms=1200.0, p95_low_ms=1100.0), "response time")
        ('1,200', '1,100-?')
    """
    if measure == "satisfaction":
        stars = [None if end is None else 1 + 4 * end for end in (reading.rate, reading.low, reading.high)]
        return amount(stars[0], "", 2), _ends(stars[1], stars[2], 2)
    return amount(reading.p95_ms), _ends(reading.p95_low_ms, reading.p95_high_ms, 0)


def _ends(low: float | None, high: float | None, digits: int) -> str:
    if low is None and high is None:
        return UNKNOWN
    return "-".join("?" if end is None else amount(end, "", digits) for end in (low, high))


def _draw(console: Console, report: QualityReport, by: str | None) -> None:
    measure, days = report.settings.measure, report.settings.window_days
    in_time = measure == "response time"
    what = f"95 % within {report.settings.response_ms:,.0f} ms" if in_time else "mean rating of 1 to 5"
    head = ("p95 ms", "interval", "in time") if in_time else ("mean", "interval")
    rows = chosen(report, by)
    of = (
        f" of {rows[0].prompt}"
        if len({one.prompt for one in report.readings}) == 1 and rows[0].prompt
        else ""
    )
    table = make_table(
        f"{measure}{of}: {what}, {days} days",
        (by or "stream", "runs", *head, "shown", "trend", "since (UTC)"),
        right=("runs", *head, "trend"),
    )
    for one in rows:
        number, ends = value_of(one, measure)
        table.add_row(
            Text(short_name(one, by) if of else one.name),
            f"{one.scored:,}",
            number,
            ends,
            *([percent(one.rate)] if in_time else []),
            shown(one),
            trend(one),
            moment(since(one)),
        )
    console.print(table)
    for one in speaking(report.readings, report.settings):
        console.print(styled("[bold]{}[/] {}: {}", one.name, measure, "; ".join(one.reasons)))
    if report.detectors:
        console.print(
            f"False falls: at most 1 in {report.settings.false_alarm_days:g} days over "
            f"{report.detectors:,} streams of {measure}.",
            style="dim",
            markup=False,
        )
