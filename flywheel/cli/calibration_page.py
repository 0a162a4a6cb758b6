"""Calibration for people: a diagram, a table of groups, what a correction would gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import (
    UNKNOWN,
    amount,
    make_table,
    one_line,
    percent,
    points,
    say_nothing_there,
    styled,
)
from flywheel.cli.probe_tables import draw_calibration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from flywheel.records.calibration import CalibrationReport, GroupCalibration, Recalibrated
    from flywheel.records.probe import Calibration, Reliability

WIDTH, HEIGHT = 51, 16
"""Characters of the diagram: a column is two points of confidence, a row seven of pass rate."""

_COLOURS = {"kept": "green", "missed": "bold red", "cannot tell": "yellow", "unknown": "yellow"}


def draw_calibration_report(console: Console, report: CalibrationReport, again: str) -> None:
    """The diagram of all executions, then a row for each group.

    Args:
        console: where to.
        report: what was found.
        again: options for commands that are advised.
    """
    whole = report.overall.calibration
    if not whole.executions:
        what = f"Nothing has a confidence here: {whole.because}."
        say_nothing_there(
            console, what, f"Log one: field confidence of flywheel import{again}, or rec.record"
        )
        return
    console.print("passed (up) beside confidence (right); on the dots is what it says\n", style="dim")
    for line in reliability_diagram(whole.bins):
        console.print(line, markup=False)
    draw_calibration(console, whole)
    console.print(
        f"Brier {amount(whole.brier, '', 3)} = reliability {amount(whole.reliability, '', 3)} - resolution "
        f"{amount(whole.resolution, '', 3)} + uncertainty {amount(whole.uncertainty, '', 3)} + what the bins "
        f"hide {amount(_within(whole), '', 3)}",
        markup=False,
    )
    console.print(one_line(correction_in_words(report.overall.recalibration)))
    if report.by is not None:
        _draw_groups(console, report)
    _draw_check(console, report)


def reliability_diagram(bins: Sequence[Reliability], width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    r"""Bins as points with their intervals, on the line of perfect calibration.

    Args:
        bins: lowest confidence first.
        width: columns over a confidence of 0 to 1.
        height: rows over a pass rate of 0 to 1.

    Examples:
        >>> from flywheel.records.probe import Reliability
        >>> one = Reliability(confidence=0.9, pass_rate=0.5, low=0.3, high=0.7, executions=40)
        >>> print("\n".join(reliability_diagram([one], width=11, height=5)))
        100 % │          ·
              │        ·│
              │     ·   ●
              │  ·      │
          0 % │·
              └───────────
               0        1
    """
    grid = [[" "] * width for _ in range(height)]
    for step in range(height):
        grid[height - 1 - step][round(step / (height - 1) * (width - 1))] = "·"
    for one in bins:
        column = round(one.confidence * (width - 1))
        low, high = one.low, one.high
        if low is not None and high is not None:
            for row in range(_row(high, height), _row(low, height) + 1):
                grid[row][column] = "│"
        grid[_row(one.pass_rate, height)][column] = "●"
    labels = ["100 %", *[""] * (height - 2), "0 %"]
    lines = [f"{label:>5} │{''.join(row)}".rstrip() for label, row in zip(labels, grid, strict=True)]
    return [*lines, f"      └{'─' * width}", f"       0{' ' * (width - 3)}1"]


def correction_in_words(found: Recalibrated) -> str:
    """What a correction would gain, in a line.

    Examples:
        >>> from flywheel.records.calibration import Recalibrated
        >>> correction_in_words(Recalibrated(because="3 executions; 20 are needed"))
        'correction unknown: 3 executions; 20 are needed'
    """
    if found.offset is None or found.slope is None:
        return f"correction unknown: {found.because}"
    shown = found.gain_low is not None and found.gain_low > 0
    told = "would help" if shown else "is not shown to help"
    return (
        f"correction {told}: log odds x {found.slope:.2f} {found.offset:+.2f}; on {found.scored_on:,} others "
        f"the Brier score falls by {amount(found.gain, '', 3)} ({amount(found.gain_low, '', 3)} to "
        f"{amount(found.gain_high, '', 3)}), the error from {amount(found.error_before, '', 3)} to "
        f"{amount(found.error_after, '', 3)}"
    )


def _draw_groups(console: Console, report: CalibrationReport) -> None:
    numbers = ("runs", "says", "passes", "gap", "error")
    checked = report.max_error is not None
    columns = (str(report.by), *numbers, percent(report.coverage, 1), *(("check",) if checked else ()))
    table = make_table(None, columns, right=numbers)
    for one in report.groups:
        table.add_row(*_cells(one), *([_check(one)] if checked else []))
    console.print(table)
    if report.silent:
        named = ", ".join(report.silent[:5]) + (" ..." if len(report.silent) > 5 else "")
        console.print(one_line(f"without any confidence: {named}"), style="yellow")


def _cells(one: GroupCalibration) -> list[RenderableType]:
    found = one.calibration
    return [
        styled("{}", one.name),
        f"{found.executions:,}",
        percent(found.mean_confidence, 0),
        percent(found.pass_rate, 0),
        points(found.gap),
        amount(found.error, "", 3),
        UNKNOWN if found.error_low is None else f"{found.error_low:.2f} to {amount(found.error_high, '', 2)}",
    ]


def _check(one: GroupCalibration) -> Text:
    return styled(f"[{_COLOURS.get(one.check, 'white')}]{{}}[/]", one.check)


def _draw_check(console: Console, report: CalibrationReport) -> None:
    if report.max_error is None:
        return
    for one in report.judged:
        if one.check in ("missed", "unknown"):
            found = one.calibration
            why = found.because or f"{amount(found.error_low, '', 3)} at the least"
            console.print(
                styled(
                    f"[{_COLOURS[one.check]}]{{}}[/]: {{}}, the largest error allowed is {{}}",
                    f"{one.name or 'all'}: {one.check}",
                    why,
                    report.max_error,
                )
            )


def _within(found: Calibration) -> float | None:
    parts = (found.brier, found.reliability, found.resolution, found.uncertainty)
    if any(part is None for part in parts):
        return None
    brier, reliability, resolution, uncertainty = (part or 0.0 for part in parts)
    return brier - reliability + resolution - uncertainty


def _row(rate: float, height: int) -> int:
    return height - 1 - round(rate * (height - 1))
