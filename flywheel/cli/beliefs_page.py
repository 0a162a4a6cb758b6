"""Beliefs in models as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, amount, bar, make_table, percent, short, styled

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.routing_replay import Replay
    from flywheel.records.model_belief import ModelBelief, ModelChoice


def draw_beliefs(console: Console, beliefs: Sequence[ModelBelief], kept: Sequence[ModelBelief]) -> None:
    """One line per model, with its slices below it."""
    before = {(one.model, one.slice): one for one in kept}
    table = make_table(
        None,
        ("model", "slice", "pass rate", "interval", "", "runs", "USD", "ms", "kept"),
        right=("pass rate", "interval", "runs", "USD", "ms", "kept"),
    )
    names = sorted({one.model for one in beliefs}, key=lambda name: (-_whole(beliefs, name).mean, name))
    for name in names:
        rows = [_whole(beliefs, name), *(one for one in beliefs if one.model == name and one.slice)]
        for one in rows:
            old = before.get((one.model, one.slice))
            table.add_row(
                short(one.model) if one.slice is None else "",
                one.slice or "all",
                percent(one.mean),
                f"{percent(one.low)} to {percent(one.high)}",
                bar(one.mean, one.low, one.high, width=14),
                f"{one.outcomes:,}",
                amount(one.cost_usd.mean, "", 4),
                amount(one.latency_ms.mean),
                percent(old.mean) if old else UNKNOWN,
            )
    console.print(table)
    console.print(
        "a slice where a model was never asked is expected to go as its other slices; 'kept' is what "
        "best_model reads, and moves when the evidence moved it far enough",
        style="dim",
    )


def draw_choice(console: Console, choice: ModelChoice) -> None:
    """The model in one line, then every option."""
    console.print(styled("[bold]{}[/]: {}", choice.model, choice.because))
    reaches = any(one.reaches_floor is not None for one in choice.options)
    headings = ("model", "share", "pass rate", "interval", "runs", "USD", "ms")
    table = make_table(
        None, (*headings, *(("reaches",) if reaches else ())), right=(*headings[1:], "reaches")
    )
    for one in choice.options:
        cells = [
            short(one.model),
            percent(one.share),
            percent(one.mean),
            f"{percent(one.low)} to {percent(one.high)}",
            f"{one.outcomes:,}",
            amount(one.cost_usd, "", 4),
            amount(one.latency_ms),
        ]
        table.add_row(*cells, *((percent(one.reaches_floor),) if reaches else ()))
    console.print(table)


def draw_replay(console: Console, found: Replay) -> None:
    """What routing would have done, beside what is simple or impossible."""
    table = make_table(
        None,
        ("choice", "pass rate", "interval", "of the gap", "USD", "ms"),
        right=("pass rate", "interval", "of the gap", "USD", "ms"),
    )
    for row in found.rows:
        table.add_row(
            row.name,
            percent(row.rate.estimate),
            UNKNOWN if row.rate.low is None else f"{percent(row.rate.low)} to {percent(row.rate.high)}",
            percent(row.recovered, 0),
            amount(row.cost_usd, "", 4),
            amount(row.latency_ms),
        )
    console.print(table)
    shares = ", ".join(f"{short(name)} {share:.0%}" for name, share in found.calls.items())
    console.print(f"on {found.cases:,} cases that all {len(found.models)} models answered; asked: {shares}")
    console.print(
        "best single, best per slice and oracle are picked by hindsight: bounds, no rivals", style="dim"
    )
    if found.gap_recovered is not None:
        said = f"{short(found.weak)} and {short(found.strong)}"
        console.print(
            f"of the gap between {said} slices recover {found.gap_recovered:.3f} on average (0.5 is chance)"
        )
    if found.cost_saved is not None:
        console.print(f"cost against the best single model: {-found.cost_saved:+.0%}")


def _whole(beliefs: Sequence[ModelBelief], name: str) -> ModelBelief:
    return next(one for one in beliefs if one.model == name and one.slice is None)
