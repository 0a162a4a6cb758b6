"""Quality for people: a row per stream, what fired, how often that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from flywheel.cli.drawing import UNKNOWN, make_table, moment, percent, points, say_nothing_there, styled
from flywheel.learn.counting import count_of
from flywheel.learn.quality_parts import speaking
from flywheel.records.quality import DetectorState, QualityLevel, QualityReading, QualityReport

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

STYLES = {
    QualityLevel.EXCELLENT: "green",
    QualityLevel.ON_TARGET: "green",
    QualityLevel.BELOW_TARGET: "cyan",
    QualityLevel.WARNING: "yellow",
    QualityLevel.CRITICAL: "bold red",
}

SEEN_P = 0.05
"""An arrow is drawn from here on; an alert needs far more."""

MOST_SAID = 12
"""Streams whose reasons are written out, of those that speak for the others; all are in `--json`."""


def draw_report(console: Console, report: QualityReport, by: str | None) -> None:
    """A table of streams with what follows from it.

    Args:
        console: where to.
        report: what was read.
        by: prompt, slice, model or cell; None shows prompts with whatever fired.
    """
    if not report.readings:
        days = report.settings.history_days
        say_nothing_there(console, f"No executions in {days} days.", "See: flywheel import, flywheel run")
        return
    rows = chosen(report, by)
    prompts = {one.prompt for one in report.readings}
    of = f" of {rows[0].prompt}" if len(prompts) == 1 and rows and rows[0].prompt else ""
    name = by or "stream"
    table = make_table(
        f"{report.settings.measure}{of}, {report.settings.window_days} days to {moment(report.read_at)} UTC",
        (name, "runs", "rate", "interval", "shown", "trend", "since (UTC)"),
        right=("runs", "rate", "interval", "trend"),
    )
    for reading in rows:
        table.add_row(
            Text(short_name(reading, by) if of else reading.name),
            f"{reading.scored:,}",
            percent(reading.rate),
            _interval(reading),
            shown(reading),
            trend(reading),
            moment(since(reading)),
        )
    console.print(table)
    _say_reasons(console, report)
    _say_unknown(console, rows)
    for line in promises(report):
        console.print(line, style="dim", markup=False)


def chosen(report: QualityReport, by: str | None) -> tuple[QualityReading, ...]:
    """Readings that make the rows of a table.

    Args:
        report: what was read.
        by: a prompt that has no such parts is shown as a whole.
    """
    if by in (None, "prompt"):
        return tuple(
            one
            for one in report.readings
            if (one.slice is None and one.model is None) or (by is None and one.severity is not None)
        )
    wanted = {"slice": (True, False), "model": (False, True), "cell": (True, True)}[str(by)]
    parts = [one for one in report.readings if (one.slice is not None, one.model is not None) == wanted]
    split = {one.prompt for one in parts}
    wholes = [one for one in report.readings if one.slice is None and one.model is None]
    rows: list[QualityReading] = []
    for whole in wholes:
        rows += [one for one in parts if one.prompt == whole.prompt] if whole.prompt in split else [whole]
    return tuple(rows)


def shown(reading: QualityReading) -> Text:
    """What is shown of a stream, in the colour of its worst part."""
    said = Text(reading.level.value, style=STYLES.get(reading.level, "dim"))
    if reading.fall.state is DetectorState.FALLEN:
        said.append(", fallen", style="bold red")
    if reading.silent_since is not None:
        said.append(", silent", style="yellow")
    return said


def trend(reading: QualityReading) -> str:
    """An arrow with the points a day; a level line where no trend is seen.

    Examples:
        >>> from flywheel.records.quality import QualityTrend
        >>> trend(QualityReading(trend=QualityTrend(slope_per_day=-0.012, p_value=0.001, days=14)))
        '↓ -1.2'
    """
    line = reading.trend
    if line.slope_per_day is None:
        return UNKNOWN
    if line.p_value is None or line.p_value >= SEEN_P:
        return "→"
    return f"{'↓' if line.slope_per_day < 0 else '↑'} {points(line.slope_per_day)}"


def since(reading: QualityReading) -> datetime | None:
    """Since when a stream is as it is, where it is not well."""
    if reading.fall.state is DetectorState.FALLEN:
        return reading.fall.began_at
    return reading.level_since or reading.silent_since


def promises(report: QualityReport) -> list[str]:
    """How often the evaluators are wrong, beside fixed thresholds."""
    settings, levels = report.settings, report.settings.levels
    lines = []
    if report.detectors:
        streams = count_of(report.detectors, "stream")
        lines.append(
            f"Falls are held against each stream's own past: at most 1 false one in "
            f"{settings.false_alarm_days:g} days over {streams} together."
        )
    edges = (levels.critical, levels.warning, levels.target, levels.excellent)
    fixed = "/".join(f"{100 * edge:g}" for edge in edges)
    expected = f"; {report.literal_false:.1f} expected on a day as usual" if report.detectors else ""
    lines.append(
        f"Fixed thresholds ({fixed} %, slope, variance > 5 %) flag {report.literal_flagged} now{expected}. "
        "They decide nothing."
    )
    return lines


def changes(before: QualityReport, after: QualityReport) -> list[str]:
    """A line for each stream that is shown to be otherwise than at the last look.

    Examples:
        >>> from datetime import UTC, datetime
        >>> one, two = (
        ...     QualityReport(
        ...         read_at=datetime(2026, 3, day, tzinfo=UTC),
        ...         readings=(QualityReading(prompt="triage", level=level),),
        ...     )
        ...     for day, level in ((1, "on target"), (2, "warning"))
        ... )
        >>> changes(one, two)
        ['2026-03-02 00:00 triage: warning, was on target']
        >>> changes(two, two)
        []
    """
    known = {one.name: one for one in before.readings}
    lines = []
    for one in after.readings:
        old, new = known.get(one.name), shown(one).plain
        if old is not None and shown(old).plain == new:
            continue
        was = f", was {shown(old).plain}" if old is not None else ", new"
        why = f"; {'; '.join(one.reasons)}" if one.reasons else ""
        lines.append(f"{moment(after.read_at)} {one.name}: {new}{was}{why}")
    return lines


def short_name(reading: QualityReading, by: str | None) -> str:
    """A stream where only one prompt is shown, without the prompt.

    Args:
        reading: of the stream.
        by: what the rows are split by.
    """
    if by in ("slice", "model"):
        return reading.slice or reading.model or "all"
    words = [f"in {reading.slice}"] if reading.slice is not None else []
    words += [f"on {reading.model}"] if reading.model is not None else []
    return " ".join(words) or "all"


def _interval(reading: QualityReading) -> str:
    if reading.low is None or reading.high is None:
        return UNKNOWN
    return f"{100 * reading.low:.0f}-{100 * reading.high:.0f} %"


def _say_reasons(console: Console, report: QualityReport) -> None:
    fired = sorted(
        speaking(report.readings, report.settings),
        key=lambda one: -(one.severity.rank if one.severity else 0),
    )
    for one in fired[:MOST_SAID]:
        console.print(styled("[bold]{}[/] {}", one.name, "; ".join(one.reasons)))
    if len(fired) > MOST_SAID:
        console.print(f"{len(fired) - MOST_SAID} more: --json", style="dim")


def _say_unknown(console: Console, rows: Sequence[QualityReading]) -> None:
    """Why something is unknown, once for all streams with the same reason."""
    reasons: dict[str, int] = {}
    for one in rows:
        for what, why in (("level", one.because), ("fall", one.fall.because)):
            if why:
                reasons[f"{what} unknown: {why}"] = reasons.get(f"{what} unknown: {why}", 0) + 1
    for why, count in sorted(reasons.items(), key=lambda item: -item[1])[:4]:
        console.print(f"{count_of(count, 'stream')}, {why}", style="dim", markup=False)
