"""Routes of learning: what agents recommended, what came of it, what that teaches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, JsonValue

from flywheel.errors import UnknownName
from flywheel.learn.meta_learning import MetaLearner
from flywheel.learn.redaction import Redactor
from flywheel.learn.trust import TrustScorer
from flywheel.learn.trust_advice import agent_record, decision_boosts
from flywheel.phases.learned import refresh_patterns
from flywheel.records.base import Count, FiniteJson, Name, Record, Share, UtcDatetime
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.learned import AgentProfile, DecisionRule, LearnedPattern, PatternKind
from flywheel.records.recommendation import (
    RECOMMENDATION_TYPE,
    Points,
    Recommendation,
    RecommendationOutcome,
    RecommendationStatus,
    derived_id,
)
from flywheel.records.trust import AgentTrust, TrustReport
from flywheel.service.bodies import json_only
from flywheel.service.callers import Caller, Reads, Writes
from flywheel.service.problems import answers

routes = APIRouter(prefix="/api/v1/learning", tags=["learning"])

AgentId = Annotated[Name, Path(description="Name of the agent; it may have slashes.")]
JSON_ONLY = [Depends(json_only)]


def _whole(value: JsonValue) -> JsonValue:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        msg = "a text holds half a character (a lone surrogate), which no database keeps"
        raise ValueError(msg) from error
    return value


WholeJson = Annotated[FiniteJson, AfterValidator(_whole)]
"""JSON of which all texts can be written."""

WholeText = Annotated[str, AfterValidator(_whole)]
"""A text that can be written."""


class RecommendationAsked(Record):
    """What an agent recommends; the workspace is that of the token.

    Attributes:
        recommendation_id: derived from the other fields where it is left out, so that the same
            recommendation twice is one.
        agent: `agent_id` is accepted as an alias.
        created_at: now where it is left out.
    """

    model_config = ConfigDict(populate_by_name=True)

    recommendation_id: Name | None = None
    agent: Name = Field(validation_alias=AliasChoices("agent", "agent_id"))
    correlation_id: Name | None = None
    workflow: Name | None = None
    type: Name = RECOMMENDATION_TYPE
    content: WholeJson
    confidence: Share | None = None
    reasoning: WholeText | None = None
    evidence: WholeJson = None
    created_at: UtcDatetime | None = None


class OutcomeAsked(Record):
    """What a judge made of a recommendation.

    Attributes:
        qualities: marks by name, 0 to 100; `quality_dimensions` is accepted as an alias.
        overall: the mean of the marks where it is left out.
        evaluated_at: now where it is left out.
    """

    model_config = ConfigDict(populate_by_name=True)

    recommendation_id: Name
    qualities: Mapping[Name, Points] = Field(
        default_factory=dict, validation_alias=AliasChoices("qualities", "quality_dimensions")
    )
    overall: Points | None = None
    status: RecommendationStatus
    feedback: WholeText | None = None
    judged_by: Annotated[Name, Field(pattern=r"\S")] | None = None
    evaluated_at: UtcDatetime | None = None


class Written(Record):
    """What was done with one recommendation or outcome."""

    recommendation_id: Name
    written: Annotated[str, Field(pattern="^(stored|replaced|unchanged)$")]


class RecommendationShown(Record):
    """A recommendation with what judges made of it, oldest first."""

    recommendation: Recommendation
    outcomes: tuple[RecommendationOutcome, ...]


class AgentShown(Record):
    """Recommendations of an agent, newest first, with counts over all of them.

    Attributes:
        record: recorded, judged, approved and the like; rates are null without a judgement.
    """

    agent: Name
    record: dict[str, float | int | str | None]
    recommendations: tuple[Recommendation, ...]


class TrustShown(Record):
    """Trust in one agent, with the weight of its vote in a decision; 0 has no say."""

    trust: AgentTrust
    decision_boost: float


class PatternsShown(Record):
    """Learned patterns as they were kept last."""

    patterns: tuple[LearnedPattern, ...]


class LearnedNow(Record):
    """What a cycle of learning found, and kept.

    Attributes:
        judged: recommendations it rests on.
        retired: patterns that were found before and are found no more.
        agents: whose trust was kept.
    """

    judged: Count
    patterns: tuple[LearnedPattern, ...]
    rules: tuple[DecisionRule, ...]
    retired: Count
    agents: Count


class LearningStats(Record):
    """How much there is to learn from, and what was made of it.

    Attributes:
        judgements: that count; pending ones and those an agent gave itself do not.
        success_rate: of all agents; null without a judgement.
        patterns: kept ones by tier.
    """

    workspace: str
    recommendations: Count
    judgements: Count
    own_judgements: Count
    agents: Count
    trusted_agents: Count
    success_rate: Share | None
    patterns: dict[str, Count]


@routes.post(
    "/recommendations/track",
    summary="Keep what an agent recommends",
    responses=answers(415),
    dependencies=JSON_ONLY,
)
def track_recommendation(asks: Writes, asked: RecommendationAsked) -> Written:
    """Redacted and kept; the same again changes nothing, another content under the same id replaces."""
    redactor = Redactor(asks.store.workspaces.policy(asks.workspace))
    given = Recommendation(
        recommendation_id=_id_of(asked),
        workspace=asks.workspace,
        agent=redactor.name(asked.agent),
        content=redactor.value(asked.content),
        reasoning=None if asked.reasoning is None else redactor.text(asked.reasoning),
        evidence=redactor.value(asked.evidence),
        created_at=asked.created_at or _first_time(asks, asked),
        **asked.model_dump(include={"correlation_id", "workflow", "type", "confidence"}),
    )
    done = asks.store.recommendations.add([given])
    return Written(recommendation_id=given.recommendation_id, written=_word(done.stored, done.replaced))


@routes.get(
    "/recommendations/agent/{agent_id:path}",
    summary="Recommendations of an agent",
    responses=answers(404),
)
def read_recommendations(
    asks: Reads,
    agent_id: AgentId,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Recommendations at most.")] = 100,
) -> AgentShown:
    """The newest ones, and how all of them fared."""
    record = asdict(agent_record(asks.store.recommendations.columns(asks.workspace), agent_id))
    if not record["recorded"]:
        msg = (
            f"No recommendation of agent {agent_id!r} in workspace {asks.workspace!r}. Nothing was changed. "
            "Keep some: POST /api/v1/learning/recommendations/track"
        )
        raise UnknownName(msg)
    newest = asks.store.recommendations.of_agent(asks.workspace, agent_id, limit)
    return AgentShown(agent=agent_id, record=record, recommendations=tuple(newest))


@routes.get("/recommendations/{recommendation_id}", summary="One recommendation", responses=answers(404))
def read_recommendation(
    asks: Reads, recommendation_id: Annotated[Name, Path(description="Its id.")]
) -> RecommendationShown:
    """What was recommended, and what judges made of it."""
    found = asks.store.recommendations.get(asks.workspace, recommendation_id)
    if found is None:
        msg = (
            f"No recommendation {recommendation_id!r} in workspace {asks.workspace!r}. Nothing was changed. "
            "Old ones are cleaned up; what was judged of them still counts."
        )
        raise UnknownName(msg)
    outcomes = asks.store.recommendations.outcomes(asks.workspace, [recommendation_id])
    return RecommendationShown(recommendation=found, outcomes=tuple(outcomes))


@routes.post(
    "/outcomes/evaluate",
    summary="Keep what came of a recommendation",
    responses=answers(404, 415),
    dependencies=JSON_ONLY,
)
def evaluate_outcome(asks: Writes, asked: OutcomeAsked) -> Written:
    """A judge has one outcome of a recommendation, the newest; an agent's own judgement does not count."""
    redactor = Redactor(asks.store.workspaces.policy(asks.workspace))
    marks = asked.qualities.values()
    mean = sum(marks) / len(marks) if marks else None
    outcome = RecommendationOutcome(
        workspace=asks.workspace,
        overall=mean if asked.overall is None else asked.overall,
        feedback=None if asked.feedback is None else redactor.text(asked.feedback),
        judged_by=None if asked.judged_by is None else redactor.name(asked.judged_by),
        evaluated_at=asked.evaluated_at or asks.wiring.clock.now(),
        **asked.model_dump(include={"recommendation_id", "qualities", "status"}),
    )
    done = asks.store.recommendations.evaluate([_as_judged_first(asks, outcome)])
    return Written(recommendation_id=asked.recommendation_id, written=_word(done.stored, done.replaced))


@routes.get("/trust-scores", summary="Trust in all agents", responses=answers())
def read_trust(asks: Reads) -> TrustReport:
    """From all judgements and executions stored now, the most trusted first; kept for 15 seconds."""
    return _trust(asks)


@routes.get("/trust-scores/{agent_id:path}", summary="Trust in one agent", responses=answers(404))
def read_agent_trust(asks: Reads, agent_id: AgentId) -> TrustShown:
    """Every part with its interval, by context too, and the weight of the agent's vote."""
    report = _trust(asks)
    found = next((one for one in report.agents if one.agent == agent_id), None)
    if found is None:
        msg = (
            f"Nothing is known of agent {agent_id!r} in workspace {asks.workspace!r}. Nothing was changed. "
            "Agents with evidence: GET /api/v1/learning/trust-scores"
        )
        raise UnknownName(msg)
    return TrustShown(trust=found, decision_boost=decision_boosts(report)[agent_id])


@routes.post("/learning-cycles/trigger", summary="Learn from all outcomes now", responses=answers())
def trigger_learning(asks: Writes) -> LearnedNow:
    """Finds patterns and trust anew and keeps both; those who ask together get one answer."""
    return asks.wiring.kept.get(("learning", asks.workspace), lambda: _learn(asks))


@routes.get("/patterns", summary="What outcomes teach", responses=answers())
def read_patterns(
    asks: Reads,
    category: Annotated[PatternKind | None, Query(description="Only patterns of this kind.")] = None,
    retired: Annotated[bool, Query(description="Those that are found no more.")] = False,
) -> PatternsShown:
    """Patterns as the last cycle of learning kept them; none before there was one."""
    found = asks.store.learned.patterns(asks.workspace, category and category.value, retired=retired)
    return PatternsShown(patterns=tuple(found))


@routes.get("/agent-profiles/{agent_id:path}", summary="What an agent is good at", responses=answers(404))
def read_profile(asks: Reads, agent_id: AgentId) -> AgentProfile:
    """Strengths and weaknesses by type of recommendation, from all its judged ones."""
    judged = asks.store.learned.judged(asks.workspace)
    if agent_id not in judged.agent.names:
        msg = (
            f"Nobody judged a recommendation of agent {agent_id!r} in workspace {asks.workspace!r}. Nothing "
            "was changed. Judge some: POST /api/v1/learning/outcomes/evaluate"
        )
        raise UnknownName(msg)
    return MetaLearner(workspace=asks.workspace).profile(judged, agent_id)


@routes.get("/stats", summary="How much there is to learn from", responses=answers())
def read_stats(asks: Reads) -> LearningStats:
    """Recommendations, judgements, agents, patterns of the workspace."""
    columns, report = asks.store.recommendations.columns(asks.workspace), _trust(asks)
    tiers: dict[str, int] = {}
    for one in asks.store.learned.patterns(asks.workspace):
        tiers[one.tier.value] = tiers.get(one.tier.value, 0) + 1
    return LearningStats(
        workspace=asks.workspace,
        recommendations=len(set(columns.recommendation.tolist())),
        judgements=report.judgements,
        own_judgements=report.own_judgements,
        agents=len(report.agents),
        trusted_agents=sum(one.trusted for one in report.agents),
        success_rate=report.population,
        patterns=tiers,
    )


def _trust(asks: Caller) -> TrustReport:
    store, workspace = asks.store, asks.workspace

    def scores() -> TrustReport:
        return TrustScorer().scores(
            store.recommendations.columns(workspace),
            store.executions.agent_columns(Scope(workspace=workspace, exclude_sources=NOT_EVIDENCE)),
            asks.wiring.clock.now(),
            workspace,
        )

    return asks.wiring.kept.get(("trust", workspace), scores)


def _learn(asks: Caller) -> LearnedNow:
    now = asks.wiring.clock.now()
    done = refresh_patterns(asks.store, MetaLearner(workspace=asks.workspace), now)
    report = _trust(asks)
    asks.store.trust.keep(report)
    return LearnedNow(
        judged=done.judged,
        patterns=done.patterns,
        rules=done.rules,
        retired=done.retired,
        agents=len(report.agents),
    )


def _first_time(asks: Caller, asked: RecommendationAsked) -> UtcDatetime:
    """When it was kept first, so that the same request again changes nothing; else now."""
    known = asks.store.recommendations.get(asks.workspace, _id_of(asked))
    return asks.wiring.clock.now() if known is None else known.created_at


def _as_judged_first(asks: Caller, outcome: RecommendationOutcome) -> RecommendationOutcome:
    """The outcome under the time its judge gave the same before, so that it changes nothing."""
    known = asks.store.recommendations.outcomes(asks.workspace, [outcome.recommendation_id])
    same = [outcome.model_copy(update={"evaluated_at": one.evaluated_at}) for one in known]
    return next((mine for mine, one in zip(same, known, strict=True) if mine == one), outcome)


def _id_of(asked: RecommendationAsked) -> str:
    fields = asked.model_dump(mode="json", exclude={"recommendation_id"})
    return asked.recommendation_id or derived_id(fields)


def _word(stored: int, replaced: int) -> str:
    return "stored" if stored else "replaced" if replaced else "unchanged"
