"""Value metrics for people: a table with a picture, the parts of the health, the most valuable tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel.cli.drawing import bar, make_table, moment, one_line, percent, styled
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.value import ValueMetric, ValuePart, ValueReport

BAR = 12


def draw_value(console: Console, report: ValueReport, *, formulas: bool) -> None:
    """The table of metrics; under it what is unknown and why, in full.

    Args:
        console: where to.
        report: what was read.
        formulas: say how each metric is made.
    """
    days = f"{report.window_days:.0f} days to {moment(report.read_at)} UTC"
    table = make_table(
        f"value, {days}: {count_of(report.executions, 'scored execution')}",
        ("metric", "value", "95 %", "", "of"),
        right=("value", "of"),
    )
    for one in report.metrics:
        table.add_row(
            styled("{}", one.title), shown(one.value, one.unit), _span(one), _picture(one), f"{one.of:,}"
        )
    console.print(table)
    for one in report.metrics:
        _say(console, one, formulas=formulas)
    if report.tests:
        _draw_tests(console, report)


def shown(value: float | None, unit: str) -> str:
    """A number with its unit.

    Examples:
        >>> shown(0.123, "share"), shown(30.0, "hours"), shown(None, "share"), shown(1.5, "in 30 days")
        ('12.3 %', '30.0 h', 'unknown', '1.50')
    """
    if value is None:
        return "unknown"
    if unit == "share":
        return percent(value)
    if unit == "hours":
        return f"{value / 24:.1f} days" if value >= 48 else f"{value:.1f} h"
    if unit == "improvements":
        return f"{value:.0f}"
    return f"{value:,.2f}"


def value_in_words(report: ValueReport) -> str:
    """Health, velocity and value of tests in a line.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.records.value import ValueMetric, ValueReport
        >>> named = {"health_score": "share", "learning_velocity": "points", "value_score_per_test": "share"}
        >>> made = [ValueMetric(name=n, title=n, unit=u, formula="") for n, u in named.items()]
        >>> at = datetime(2026, 3, 1, tzinfo=UTC)
        >>> value_in_words(ValueReport(read_at=at, window_days=90, metrics=tuple(made)))
        'health unknown; learning velocity unknown; value of a test unknown; more: flywheel value'
    """
    health, velocity, test = (
        report.metric(name) for name in ("health_score", "learning_velocity", "value_score_per_test")
    )
    speed = shown(velocity.value, velocity.unit)
    unit = "" if velocity.value is None else " points in 30 days"
    return (
        f"health {shown(health.value, 'share')}; learning velocity {speed}{unit}; "
        f"value of a test {shown(test.value, 'share')}; more: flywheel value"
    )


def _span(one: ValueMetric | ValuePart, unit: str = "") -> str:
    wanted = getattr(one, "unit", unit)
    if one.low is None and one.high is None:
        return ""
    ends = [("?" if end is None else shown(end, wanted).removesuffix(" %")) for end in (one.low, one.high)]
    return " to ".join(ends) + (" %" if wanted == "share" else "")


def _picture(one: ValueMetric) -> str:
    if one.unit != "share" or one.value is None or one.value < 0:
        return "" if one.unit == "share" and one.value is not None else one.unit.replace("share", "")
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (one.low, one.high))
    return bar(one.value, low, high, width=BAR)


def _say(console: Console, one: ValueMetric, *, formulas: bool) -> None:
    if formulas:
        console.print(styled("[bold]{}[/]: {} [dim](over {})[/]", one.title, one.formula, one.over))
    if one.because:
        word = "unknown: " if one.value is None else ""
        console.print(styled("[yellow]{}[/]: {}{}", one.title, word, one.because))
    for part in one.parts:
        if part.weight is None and part.value is None and not formulas:
            continue
        number = "unknown" if part.value is None else f"{part.value:.3g}"
        ends = f" ({_span(part)})" if part.low is not None or part.high is not None else ""
        weight = f", weight {part.weight:.2f}" if part.weight is not None else ""
        because = f": {part.because}" if part.because else ""
        console.print(one_line(f"  {one.title}, {part.name}: {number}{ends}{weight}{because}"), style="dim")


def _draw_tests(console: Console, report: ValueReport) -> None:
    table = make_table(
        "tests that tell most", ("test", "value", "", "arms", "runs"), right=("value", "arms", "runs")
    )
    for one in report.tests[:5]:
        table.add_row(
            styled("{}", one.case_id),
            f"{one.value:.2f}",
            bar(one.value, width=BAR),
            f"{one.arms:,}",
            f"{one.runs:,}",
        )
    console.print(table)
