"""What was learned of recommendations: patterns, rules, profiles, how well they foretell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime
from flywheel.records.findings import Condition


class PatternKind(StrEnum):
    """What a learned pattern is about."""

    HIGH_CONFIDENCE = "high_confidence"
    CONSENSUS = "consensus"
    EXPERT_OPINION = "expert_opinion"
    FAILURE_AVOIDANCE = "failure_avoidance"
    SUCCESS_INDICATOR = "success_indicator"


class PatternTier(StrEnum):
    """How well a learned pattern is shown: seen, believed, or tested and confirmed on later ones."""

    OBSERVED = "observed"
    SUPPORTED = "supported"
    PROVEN = "proven"


class PatternStrength(StrEnum):
    """The confidence in a learned pattern, in a word."""

    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"
    VERY_STRONG = "very_strong"


class LearnedPattern(Record):
    """Conditions under which recommendations succeed, or fail, more often.

    Attributes:
        pattern_key: the same for the same kind with the same conditions.
        where: conditions that hold together; empty means all recommendations of its kind.
        judged, succeeded: recommendations it was found on, those among them that succeeded.
        success_rate: share of the two.
        shrunk_rate, low, high: expected rate with its 95 % credible interval.
        frequency: share of all judged recommendations.
        base_rate: success rate of the rest; None without a rest.
        lift: shrunk rate over the base rate; None without one, or where that is 0.
        p_value, q_value: that the rate does not reach its bar, or is that of the rest; corrected over
            all that was looked at of its kind.
        confidence: chance that the rate reaches its bar, or is on the right side of the rest's.
        later: later recommendations it was held against.
        later_rate: their success rate; None without any.
        first_seen, last_seen: when it was first found, and last; None when it is not kept.
        retired_at: since when it is found no more; None while it is.
    """

    pattern_key: Name
    workspace: Name = "default"
    kind: PatternKind
    where: tuple[Condition, ...]
    judged: Count
    succeeded: Count
    success_rate: Share
    shrunk_rate: Share
    low: Share
    high: Share
    frequency: Share
    base_rate: Share | None
    lift: NonNegative | None
    p_value: Share
    q_value: Share
    confidence: Share
    strength: PatternStrength
    tier: PatternTier
    later: Count
    later_rate: Share | None
    first_seen: UtcDatetime | None = None
    last_seen: UtcDatetime | None = None
    retired_at: UtcDatetime | None = None


class DecisionRule(Record):
    """A proven pattern as advice.

    Attributes:
        pattern_key: of the pattern.
        says: the advice in a sentence.
        follow: True to follow such a recommendation, False to doubt it.
        acts_alone: whether it may decide without a person: its rate reaches the bar with a chance of
            at least 95 %, the later recommendations counted too.
        success_rate, lift: of the pattern, shrunk.
    """

    pattern_key: Name
    kind: PatternKind
    where: tuple[Condition, ...]
    says: str
    follow: bool
    acts_alone: bool
    confidence: Share
    success_rate: Share
    lift: NonNegative | None


class ProfileContext(Record):
    """One agent on one type of recommendation, beside the same agent on all others.

    Attributes:
        mean, low, high: expected success rate with its 95 % credible interval.
        better: chance that it is above the agent's rate on the other types.
        q_value: of no difference, corrected over all the agent's types; None with one type only.
    """

    type: Name
    judged: Count
    mean: Share
    low: Share
    high: Share
    better: Share
    q_value: Share | None


class AgentProfile(Record):
    """What an agent is good at.

    Attributes:
        judged: its judged recommendations.
        mean, low, high: expected success rate with its credible interval; None without any.
        strengths, weaknesses: types on which it is shown to be better or worse than on its others.
        contexts: every type, the best first.
        because: why nothing can be said, else empty.
    """

    workspace: Name = "default"
    agent: Name
    judged: Count
    mean: Share | None
    low: Share | None
    high: Share | None
    strengths: tuple[Name, ...] = ()
    weaknesses: tuple[Name, ...] = ()
    contexts: tuple[ProfileContext, ...] = ()
    because: str = ""


class CoveragePoint(Record):
    """How accurate the surest part of the predictions is."""

    coverage: Share
    accuracy: Share


class PredictionReport(Record):
    """How well outcomes are foretold that took no part in the learning.

    Attributes:
        learned, held_out: recommendations, the earlier part and the later one.
        accuracy: share of all held-out outcomes foretold rightly, with its 95 % interval.
        base_accuracy: what always saying the commoner outcome of the earlier part gives.
        brier, base_brier: mean squared errors, of the prediction and of the earlier success rate.
        skill: 1 - brier / base_brier, with its 95 % interval; 0 is as good as knowing nothing.
        curve: accuracy by coverage, the surest first.
        accuracy_at_target: of the surest part as large as the asked coverage.
        coverage_at_target: largest share whose accuracy reaches the asked one.
        target_accuracy, target_coverage: what was asked.
        met: whether both targets are reached and the skill is shown to be above 0; None when unknown.
        because: one sentence.
    """

    learned: Count
    held_out: Count
    accuracy: Share | None = None
    accuracy_low: Share | None = None
    accuracy_high: Share | None = None
    base_accuracy: Share | None = None
    brier: Share | None = None
    base_brier: Share | None = None
    skill: Annotated[float, Field(le=1)] | None = None
    skill_low: float | None = None
    skill_high: float | None = None
    curve: tuple[CoveragePoint, ...] = ()
    accuracy_at_target: Share | None = None
    coverage_at_target: Share | None = None
    target_accuracy: Share = 0.8
    target_coverage: Share = 0.7
    met: bool | None = None
    because: str
