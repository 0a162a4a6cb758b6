"""The health of the loop, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel.cli.drawing import make_table, percent, points
from flywheel.learn.loop_health import FALSE_TARGET, REAL_TARGET, meets

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.loop_health import KnownShare, LoopHealth

_KEPT = {True: "kept", False: "missed", None: "cannot tell yet"}


def draw_loop(console: Console, loop: LoopHealth) -> None:
    """What became of the improvements that were applied, beside what is promised."""
    table = make_table(
        "what became of applied improvements", ("improvements", "", "95 %", "promise"), right=("", "95 %")
    )
    real, false = loop.real, loop.false
    table.add_row("applied", f"{loop.applied:,}", "", "")
    kept = _KEPT[meets(real, REAL_TARGET, at_least=True)]
    table.add_row("proved real", _counted(real), _span(real), f"above {percent(REAL_TARGET, 0)}: {kept}")
    kept = _KEPT[meets(false, FALSE_TARGET, at_least=False)]
    table.add_row("proved false", _counted(false), _span(false), f"below {percent(FALSE_TARGET, 0)}: {kept}")
    if loop.unanswered:
        table.add_row("no answer yet", f"{loop.unanswered:,}", "", "")
    if loop.mean_gain is not None:
        table.add_row(f"mean gain of {loop.measured:,}", points(loop.mean_gain), "", "")
    if loop.hours_between is not None:
        table.add_row("median time between two", _time(loop.hours_between), "", "")
    table.add_row("candidates rejected", _counted(loop.refused), _span(loop.refused), "")
    console.print(table)


def _counted(share: KnownShare) -> str:
    return f"{share.count:,} of {share.of:,}" if share.of else "unknown"


def _span(share: KnownShare) -> str:
    return "" if share.low is None or share.high is None else f"{percent(share.low)} to {percent(share.high)}"


def _time(hours: float) -> str:
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"
