"""What trust means for what an agent recommends next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.learn.counting import count_of
from flywheel.records.columns import RecommendationColumns
from flywheel.records.recommendation import Recommendation
from flywheel.records.strategy import LearningStrategy
from flywheel.records.trust import AgentTrust, TrustReport


@dataclass(frozen=True, slots=True)
class RankedRecommendation:
    """One of several recommendations on the same question.

    Attributes:
        chance: that it proves right, by the agent's record in this type; None without a record.
        because: where the chance comes from.
    """

    recommendation: Recommendation
    chance: float | None
    because: str


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """What came of one agent's recommendations.

    Attributes:
        recorded, judged, pending: recommendations, by whether somebody judged them.
        approved, partial, rejected: judged ones, by the mean of their judges: 0.75 and more, less
            than 0.25, between.
        approval: mean success of the judged; None without one.
        mean_quality: mean mark in [0, 1]; None without one.
        mean_confidence: of the agent itself; None where it gave none.
    """

    agent: str
    recorded: int
    judged: int
    pending: int
    approved: int
    partial: int
    rejected: int
    approval: float | None
    mean_quality: float | None
    mean_confidence: float | None


def ranked(alternatives: Sequence[Recommendation], trust: TrustReport) -> tuple[RankedRecommendation, ...]:
    """Alternatives by their chance to prove right, the best first; unknown agents last.

    An agent's own confidence orders equals only: it is not calibrated.
    """
    known = {one.agent: one for one in trust.agents}
    found = [_ranked(given, known.get(given.agent)) for given in alternatives]
    return tuple(
        sorted(
            found,
            key=lambda one: (
                one.chance is None,
                -(one.chance or 0.0),
                -(one.recommendation.confidence or 0.0),
                one.recommendation.recommendation_id,
            ),
        )
    )


def decision_boosts(trust: TrustReport) -> dict[str, float]:
    """Weight of each agent's vote: log-odds of its accuracy; 0 has no say, below 0 speaks against.

    Agents that are not trusted yet have no say.
    """
    return {one.agent: one.vote if one.trusted else 0.0 for one in trust.agents}


def agent_record(columns: RecommendationColumns, agent: str) -> AgentRecord:
    """Counts over the recommendations of one agent, its own judgements left out."""
    names, judges = columns.agent.names, columns.judge.names
    code = names.index(agent) if agent in names else -2
    own = judges.index(agent) if agent in judges else -2
    rows = columns.agent.codes == code
    _, group = np.unique(columns.recommendation[rows], return_inverse=True)
    recorded = int(group.max()) + 1 if group.size else 0
    counted = (columns.judge.codes[rows] != own) & ~np.isnan(columns.success[rows])
    judges_of = np.bincount(group[counted], minlength=recorded)
    success = np.bincount(group[counted], columns.success[rows][counted], recorded)
    rate = success[judges_of > 0] / judges_of[judges_of > 0]
    approved, rejected = int((rate >= 0.75).sum()), int((rate < 0.25).sum())
    return AgentRecord(
        agent=agent,
        recorded=recorded,
        judged=rate.size,
        pending=recorded - rate.size,
        approved=approved,
        partial=rate.size - approved - rejected,
        rejected=rejected,
        approval=_mean(rate),
        mean_quality=_mean(columns.quality[rows][counted]),
        mean_confidence=_mean(columns.confidence[rows]),
    )


def learning_due(
    columns: RecommendationColumns, since: float | None, now: float, strategy: LearningStrategy
) -> tuple[bool, str]:
    """Whether what agents recommended is worth learning from again.

    Args:
        columns: all judgements.
        since: seconds since 1970 of the last time; None was never.
        now: seconds since 1970.
        strategy: `min_tests_for_cycle`, `max_failure_rate`, `cycle_interval_hours`.

    Returns:
        Whether, with the reason.
    """
    new = ~np.isnan(columns.success)
    if since is not None:
        new &= columns.evaluated > since
    count = int(new.sum())
    judged = count_of(count, "new judgement")
    if count < strategy.min_tests_for_cycle:
        return False, f"{judged}; strategy {strategy.name!r} asks for {strategy.min_tests_for_cycle}"
    failing = 1.0 - float(columns.success[new].mean())
    if failing > strategy.max_failure_rate:
        return True, f"{failing:.0%} of {judged} say no, more than {strategy.max_failure_rate:.0%}".replace(
            "%", " %"
        )
    if since is None:
        return True, f"{judged}, none learned from yet"
    hours = (now - since) / 3600.0
    if hours < strategy.cycle_interval_hours:
        return (
            False,
            f"{judged}, but the last time was {hours:.1f} h ago; it may be {strategy.cycle_interval_hours:g}",
        )
    return True, f"{judged}, the last time was {hours:.1f} h ago"


def _ranked(given: Recommendation, trust: AgentTrust | None) -> RankedRecommendation:
    if trust is None or trust.accuracy.value is None:
        return RankedRecommendation(given, None, f"{given.agent!r} has no judged outcome")
    in_type = next((one for one in trust.contexts if one.context == given.type), None)
    if in_type is not None:
        because = f"{in_type.accuracy.n_eff:.0f} outcomes of {given.agent!r} in {given.type!r}"
        return RankedRecommendation(given, in_type.accuracy.value, because)
    because = f"{trust.accuracy.n_eff:.0f} outcomes of {given.agent!r}, none in {given.type!r}"
    return RankedRecommendation(given, trust.accuracy.value, because)


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
