"""Advice for people: what to refine first, what was learned, what could be saved, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, amount, make_table, percent, styled
from flywheel.learn.advice import saving_in_words

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.advice import Advice, PastChange

_COLOURS = {"better": "green", "worse": "bold red"}


def draw_advice(console: Console, advice: Advice) -> None:
    """The strategy to try first, then what strategies did before on such failures.

    Args:
        console: where to.
        advice: what was found.
    """
    console.print(styled("[bold]Refine first[/] {}: {}", advice.strategy.replace("_", " "), advice.because))
    for one in advice.learned:
        chance = "unknown" if one.low is None else f"{percent(one.low, 0)} to {percent(one.high, 0)}"
        against = f" against {one.kind}" if one.kind else ""
        console.print(
            f"   learned: {one.strategy}{against} helped {one.helped} of {one.tried}, chance {chance}",
            style="dim",
            markup=False,
        )


def draw_savings(console: Console, advice: Advice) -> None:
    """What a request could cost less, a line each; nothing where nothing is shown."""
    for one in advice.savings:
        console.print(styled("[bold]Cheaper[/] {}", saving_in_words(one)))


def draw_changes(console: Console, changes: Sequence[PastChange], days: str) -> None:
    """Measures beside themselves in an earlier time.

    Args:
        console: where to.
        changes: one per measure.
        days: both times in words.
    """
    table = make_table(
        days, ("measure", "now", "before", "change", "95 %", "shown"), right=("now", "before", "change")
    )
    for one in changes:
        table.add_row(
            one.measure,
            _number(one.measure, one.now),
            _number(one.measure, one.before),
            _number(one.measure, one.difference),
            UNKNOWN
            if one.low is None and one.high is None
            else f"{_number(one.measure, one.low)} to {_number(one.measure, one.high)}",
            styled(f"[{_COLOURS.get(one.verdict, 'white')}]{{}}[/]", one.verdict),
        )
    console.print(table)


def _number(measure: str, value: float | None) -> str:
    if measure == "pass rate":
        return percent(value)
    return amount(value, " ms") if "time" in measure else amount(value, " USD", 5)
