"""Findings of an analysis in words that a terminal shares with the pages of a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel.cli.drawing import percent, short

if TYPE_CHECKING:
    from flywheel.records.analysis import FailurePattern


def home_of(pattern: FailurePattern) -> str:
    """Where a pattern lives, in words; empty when it is everywhere or nobody knows."""
    found = pattern.contrast
    if found is None or not found.where:
        return ""
    where = ", ".join(f"{condition.attribute} = {short(condition.value)}" for condition in found.where)
    said = f"{where}: {percent(found.rate, 0)} of {found.executions:,} fail this way"
    if found.lift is None:
        return f"{said}; never elsewhere"
    spread = f" ({found.lift_low:.1f} to {found.lift_high:.1f})" if found.lift_low and found.lift_high else ""
    return f"{said}, {found.lift:.1f} times{spread} as often as elsewhere"


def since_when(pattern: FailurePattern) -> str:
    """First to last day it was seen; empty when no execution says when it ran."""
    if pattern.first_seen is None or pattern.last_seen is None:
        return ""
    first, last = (f"{moment:%Y-%m-%d}" for moment in (pattern.first_seen, pattern.last_seen))
    return f"on {first}" if first == last else f"{first} to {last}"
