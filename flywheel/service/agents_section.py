"""The section of agents: trust in them, what their outcomes teach."""

from __future__ import annotations

from typing import Final

from flywheel.records.learned import LearnedPattern, PatternTier
from flywheel.records.trust import AgentTrust
from flywheel.service.drawing import Cell, interval_picture, more, nothing, section, table
from flywheel.service.markup import Markup, joined
from flywheel.service.view import View
from flywheel.service.wording import UNKNOWN, amount, clipped, percent, span

MOST: Final = 10
"""Rows of a table; a command shows the others."""


def agents(view: View) -> Markup:
    """Trust as it was kept last, with patterns that later recommendations bore out first."""
    if not view.agents and not view.learned:
        empty = nothing("Nothing is known of agents: no trust was kept yet.", "flywheel trust")
        return section("agents", "Agents", empty)
    columns = ("agent", "score", "score (95 % interval)", "outcomes", "strength", "trend", "trusted")
    rows = [_row(one) for one in view.agents[:MOST]]
    shown = table(
        f"Trust in agents, {len(rows)} of {len(view.agents):,}, highest first", columns, rows, ("outcomes",)
    )
    parts: list[str | None] = [shown if rows else None, more(len(view.agents), MOST, "flywheel trust")]
    tiers = list(PatternTier)
    found = sorted(view.learned, key=lambda one: (-tiers.index(one.tier), -one.confidence, one.pattern_key))
    if found:
        kinds = ("pattern", "kind", "shown", "success (95 % interval)", "of", "later ones")
        caption = f"What outcomes teach, {min(MOST, len(found))} of {len(found):,} patterns, the surest first"
        parts.append(table(caption, kinds, [_pattern(one) for one in found[:MOST]], ("of",)))
        parts.append(more(len(found), MOST, "flywheel learned patterns"))
    return section("agents", "Agents", joined(*parts))


def _row(one: AgentTrust) -> tuple[Cell, ...]:
    picture: Markup | str = ""
    if one.score is not None and one.score_low is not None and one.score_high is not None:
        picture = interval_picture(one.score, one.score_low, one.score_high)
    said = f"{percent(one.score)} ({span(one.score_low, one.score_high)})" if one.score is not None else None
    return (
        one.agent,
        picture,
        said,
        f"{one.outcomes:,}",
        None if one.strength is None else one.strength.value.replace("_", " "),
        None if one.trend is None else one.trend.value,
        "yes" if one.trusted else "not yet",
    )


def _pattern(one: LearnedPattern) -> tuple[Cell, ...]:
    where = " and ".join(f"{c.attribute} {c.value}" for c in one.where) or "all of its kind"
    later = f"{percent(one.later_rate)} of {one.later:,}" if one.later else f"{UNKNOWN}: none yet"
    return (
        clipped(where),
        one.kind.value.replace("_", " "),
        one.tier.value,
        f"{percent(one.shrunk_rate)} ({span(one.low, one.high)})",
        amount(one.judged),
        later,
    )
