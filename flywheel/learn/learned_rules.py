"""Rules that proven patterns allow, the one with the largest effect first."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.records.learned import DecisionRule, LearnedPattern, PatternKind, PatternTier
from flywheel.stats.pooling import chance_above

ALONE = 0.95
"""Chance of reaching the bar from which a rule may decide without a person."""

_SUBJECTS = {
    PatternKind.HIGH_CONFIDENCE: "recommendations",
    PatternKind.CONSENSUS: "what several agents recommend alike",
    PatternKind.EXPERT_OPINION: "recommendations of an expert",
    PatternKind.SUCCESS_INDICATOR: "recommendations",
    PatternKind.FAILURE_AVOIDANCE: "recommendations",
}


def rules_from(patterns: Sequence[LearnedPattern], bar: float = 0.8) -> tuple[DecisionRule, ...]:
    """Advice from the proven patterns.

    A rule to follow acts alone only where the success rate reaches the bar with
    a chance of 95 %, on the earlier and the later recommendations together; a
    rule to doubt where the failure rate does. All others advise.

    Args:
        patterns: of a workspace; those that are not proven give no rule.
        bar: rate from which a rule may act alone.

    Returns:
        The largest effect first.
    """
    proven = [one for one in patterns if one.tier is PatternTier.PROVEN]
    return tuple(_rule(one, bar) for one in sorted(proven, key=_effect))


def _effect(pattern: LearnedPattern) -> tuple[float, str]:
    lift = pattern.lift
    if lift is None or lift <= 0:
        return 0.0, pattern.pattern_key
    return -max(lift, 1.0 / lift), pattern.pattern_key


def _rule(pattern: LearnedPattern, bar: float) -> DecisionRule:
    follow = pattern.kind is not PatternKind.FAILURE_AVOIDANCE
    later = round((pattern.later_rate or 0.0) * pattern.later)
    wins, n = pattern.succeeded + later, pattern.judged + pattern.later
    reached = float(chance_above(1.0 + wins, 1.0 + n - wins, bar if follow else 1.0 - bar))
    confidence = reached if follow else 1.0 - reached
    return DecisionRule(
        pattern_key=pattern.pattern_key,
        kind=pattern.kind,
        where=pattern.where,
        says=sentence(pattern),
        follow=follow,
        acts_alone=confidence >= ALONE,
        confidence=confidence,
        success_rate=pattern.shrunk_rate,
        lift=pattern.lift,
    )


def sentence(pattern: LearnedPattern) -> str:
    """A pattern as advice.

    Args:
        pattern: of any tier.
    """
    follow = pattern.kind is not PatternKind.FAILURE_AVOIDANCE
    where = " and ".join(f"{one.attribute} = {one.value}" for one in pattern.where)
    said = (
        f"{'Follow' if follow else 'Doubt'} {_SUBJECTS[pattern.kind]}{f' where {where}' if where else ''}: "
    )
    said += f"{pattern.shrunk_rate:.0%} succeed ({pattern.low:.0%} to {pattern.high:.0%})"
    return said + ("." if pattern.base_rate is None else f", elsewhere {pattern.base_rate:.0%}.")
