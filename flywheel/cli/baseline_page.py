"""A baseline for people: a matrix, what misses its target, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from flywheel.cli.drawing import UNKNOWN, amount, chance, make_table, percent, points, short, styled
from flywheel.learn.counting import count_of
from flywheel.records.baseline import Target

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.baseline import BaselineCell, BaselineMatrix, ModelBaseline

_STYLES = {Target.MET: "green", Target.MISSED: "red", Target.UNCLEAR: "yellow"}


def draw_matrix(console: Console, matrix: BaselineMatrix, missing: int) -> None:
    """Models as rows, slices as columns, best first.

    Args:
        console: where to.
        matrix: what was measured.
        missing: cases without an execution.
    """
    console.print(
        styled("[bold]{}[/] {} on suite {}", matrix.prompt, short(matrix.version), matrix.suite),
        highlight=False,
    )
    _draw_slices(console, matrix)
    _draw_models(console, matrix)
    if missing:
        console.print(
            f"{count_of(missing, 'case')} without an answer; the same command asks again.", style="yellow"
        )
    for row in matrix.models:
        for what, where, target in _targets(row):
            if where is Target.MISSED:
                console.print(styled("{} misses its target: {} instead of {}", row.model, what, target))
    _draw_changes(console, matrix)
    console.print(styled("session {}", matrix.session_id), style="dim")


def _draw_slices(console: Console, matrix: BaselineMatrix) -> None:
    if not matrix.slices:
        return
    names = [f"{number}" for number, _ in enumerate(matrix.slices, start=1)]
    table = make_table(None, ("model", *names), right=names)
    for row in matrix.models:
        worst = min((c.pass_rate for c in row.slices if c.pass_rate is not None), default=None)
        cells = [
            Text(_share(c), style="red" if c.pass_rate is not None and c.pass_rate == worst else "")
            for c in row.slices
        ]
        table.add_row(short(row.model), *cells)
    console.print(table)
    for number, name in enumerate(matrix.slices, start=1):
        counted = [cell.scored for row in matrix.models for cell in row.slices if cell.slice == name]
        console.print(
            styled("{}  {} ({})", number, name, count_of(max(counted, default=0), "case")), style="dim"
        )


def _draw_models(console: Console, matrix: BaselineMatrix) -> None:
    """Columns of targets are there only where a model has one; on 80 columns everything fits."""
    wanted = any(row.quality_target is not None for row in matrix.models)
    timed = any(row.response_ms_target is not None for row in matrix.models)
    median = "ms (limit)" if timed else "ms"
    numbers = ["pass rate", "interval", *["target"] * wanted, median, "p95", "USD/1k"]
    table = make_table(None, ("model", *numbers), right=numbers)
    for row in matrix.models:
        cell = row.overall
        place = UNKNOWN if row.place is None else f"{row.place}{'=' if row.tied_with else '.'}"
        dear = None if cell.cost_per_request_usd is None else 1000 * cell.cost_per_request_usd
        target = Text(percent(row.quality_target, 0), style=_STYLES.get(row.quality, ""))
        limit = "" if row.response_ms_target is None else f" ({amount(row.response_ms_target)})"
        table.add_row(
            f"{place} {short(row.model)}",
            percent(cell.pass_rate),
            UNKNOWN if cell.low is None or cell.high is None else f"{cell.low:.1%}-{cell.high:.1%}",
            *[target] * wanted,
            Text(amount(cell.median_ms) + limit, style=_STYLES.get(row.response, "")),
            amount(cell.p95_ms),
            amount(dear, "", 2),
        )
    console.print(table)
    console.print("ms is the median; p95 in ms; USD for 1,000 calls", style="dim")


def _draw_changes(console: Console, matrix: BaselineMatrix) -> None:
    if matrix.against is None:
        return
    if not matrix.changes:
        console.print(styled("No model is also in the baseline before, {}.", matrix.against), style="dim")
        return
    table = make_table(
        f"since {matrix.against}",
        ("model", "points", "interval", "p", "", "cases"),
        right=("points", "cases"),
    )
    for one in matrix.changes:
        span = UNKNOWN if one.low is None or one.high is None else f"{points(one.low)} to {points(one.high)}"
        table.add_row(
            short(one.model),
            points(one.difference),
            span,
            chance(one.adjusted_p),
            one.verdict,
            f"{one.pairs:,}",
        )
    console.print(table)


def _share(cell: BaselineCell) -> str:
    return percent(cell.pass_rate)


def _targets(row: ModelBaseline) -> tuple[tuple[str, Target, str], ...]:
    return (
        (percent(row.overall.pass_rate), row.quality, percent(row.quality_target, 0)),
        (amount(row.overall.median_ms, " ms"), row.response, amount(row.response_ms_target, " ms")),
    )
