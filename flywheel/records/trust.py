"""How far an agent's record supports relying on it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime

PARTS = ("accuracy", "consistency", "timeliness", "reliability")
"""What trust is made of."""

Finite = Annotated[float, Field(ge=-1e9, le=1e9)]


class Strength(StrEnum):
    """How surely an agent's accuracy reaches the target."""

    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"
    VERY_STRONG = "very_strong"


class Trend(StrEnum):
    """Where an agent's accuracy goes."""

    UP = "up"
    DOWN = "down"
    STEADY = "steady"


class TrustSettings(Record):
    """How trust is counted.

    Attributes:
        accuracy_weight, consistency_weight, timeliness_weight, reliability_weight: of the parts.
        prior_outcomes: k of the confidence factor n / (n + k).
        shrink: towards what the known score goes without evidence: the rate of all agents, or zero.
        target: accuracy from which an agent is worth relying on.
        sureness: chance to reach the target from which an agent is trusted.
        least_outcomes: discounted outcomes an agent needs to be trusted.
        latency_limit_ms: up to which an execution is in time.
        judge_limit: outcomes by which one judge may move one agent a day.

    Examples:
        >>> TrustSettings().prior_outcomes
        10.0
    """

    accuracy_weight: NonNegative = 0.40
    consistency_weight: NonNegative = 0.25
    timeliness_weight: NonNegative = 0.15
    reliability_weight: NonNegative = 0.20
    prior_outcomes: NonNegative = 10.0
    shrink: Literal["population", "zero"] = "population"
    target: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    sureness: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.9
    least_outcomes: NonNegative = 10.0
    latency_limit_ms: Annotated[float, Field(gt=0.0)] = 5_000.0
    judge_limit: Annotated[float, Field(gt=0.0)] = 20.0

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """Of accuracy, consistency, timeliness, reliability."""
        return (
            self.accuracy_weight,
            self.consistency_weight,
            self.timeliness_weight,
            self.reliability_weight,
        )


class TrustPart(Record):
    """One part of trust, or accuracy in one context, as a belief.

    Attributes:
        value: expected share in [0, 1]; None where there is no evidence.
        low, high: 95 % credible interval; None where there is none.
        n_eff: discounted outcomes behind it.
        because: why there is no value, or no interval; empty otherwise.
    """

    value: Share | None = None
    low: Share | None = None
    high: Share | None = None
    n_eff: NonNegative = 0.0
    because: str = ""


class ContextTrust(Record):
    """Accuracy of an agent in one context: a type of recommendation, or a slice."""

    context: Name
    accuracy: TrustPart
    chance: Share


class AgentTrust(Record):
    """What the record of one agent says.

    Attributes:
        outcomes: counted, before any is discounted or capped.
        accuracy, consistency, timeliness, reliability: the parts.
        score: the Bayesian score in [0, 1], which decides; None without any evidence of accuracy.
        score_low, score_high: its 95 % interval.
        known_score: the weighted rates with the confidence factor, as earlier systems computed trust.
        ema: moving average of success, rate 0.1.
        seed: the literal update of earlier systems.
        confidence: n / (n + k).
        chance: that accuracy reaches the target.
        strength, trend: None without evidence.
        drift: quick less slow accuracy, in rate units; None without evidence.
        vote: weight of a vote: log-odds of accuracy, cut at 3 either way; 0 is no say.
        trusted: chance and outcomes suffice.
        known_trusted: known_score reaches the target.
        contexts: accuracy by context, most outcomes first.
    """

    agent: Name
    workspace: Name = "default"
    outcomes: Count
    accuracy: TrustPart
    consistency: TrustPart
    timeliness: TrustPart
    reliability: TrustPart
    score: Share | None
    score_low: Share | None = None
    score_high: Share | None = None
    known_score: Share | None
    ema: Share | None
    seed: Share | None
    confidence: Share
    chance: Share | None
    strength: Strength | None
    trend: Trend | None
    drift: Finite | None
    vote: Finite
    trusted: bool
    known_trusted: bool
    contexts: tuple[ContextTrust, ...] = ()

    @property
    def parts(self) -> tuple[TrustPart, TrustPart, TrustPart, TrustPart]:
        """In the order of PARTS."""
        return (self.accuracy, self.consistency, self.timeliness, self.reliability)


class TrustReport(Record):
    """All agents of a workspace, the most trusted first.

    Attributes:
        computed_at: when.
        population: success rate of all agents; None without outcomes.
        forgetting: expected weight of an outcome after the next one; 1 never forgets.
        judgements: that count; pending ones and unknown scores do not.
        own_judgements: left out, because the judge is the agent.
        capped_judgements: that count less, because one judge gave many in a day.
    """

    workspace: Name = "default"
    computed_at: UtcDatetime
    agents: tuple[AgentTrust, ...]
    population: Share | None
    forgetting: Share | None
    judgements: Count
    executions: Count
    own_judgements: Count
    capped_judgements: Count


class ScoreLoss(Record):
    """How well one score predicted the next outcome.

    Attributes:
        log_loss: mean over outcomes, nats; lower is better.
        worse_by, low, high: log_loss less that of the Bayesian score, with a 95 % interval
            whose unit is the agent; None below five agents.
    """

    score: Name
    log_loss: NonNegative
    worse_by: Finite
    low: Finite | None = None
    high: Finite | None = None
    decides: bool = False


class TrustComparison(Record):
    """All scores on one stream, the best first."""

    workspace: Name = "default"
    outcomes: Count
    agents: Count
    scores: tuple[ScoreLoss, ...]
    because: str


class JudgeSkill(Record):
    """How far one judge of recommendations can be believed.

    Attributes:
        judgements: all of them.
        shared: those of recommendations that another judge judged too.
        accuracy: chance to be right; None where nothing is shared.
        approves_good, rejects_bad: chance to approve what is good, to reject what is bad.
        because: why a rate is unknown, or says little; empty otherwise.
    """

    judge: Name
    judgements: Count
    shared: Count
    accuracy: Share | None
    approves_good: Share | None
    rejects_bad: Share | None
    because: str = ""
