"""Recommendations brought in with what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flywheel.errors import InputError, UnknownName
from flywheel.learn.redaction import Redactor
from flywheel.learn.trust import TrustScorer
from flywheel.learn.trust_advice import (
    AgentRecord,
    RankedRecommendation,
    agent_record,
    decision_boosts,
    learning_due,
    ranked,
)
from flywheel.ports import Clock, WriteCounts
from flywheel.records.base import UtcDatetime
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.recommendation import (
    Recommendation,
    RecommendationOutcome,
    RecommendationStatus,
)
from flywheel.records.strategy import LearningStrategy
from flywheel.records.trust import TrustReport
from flywheel.store.open import SqlStore


@dataclass(frozen=True, slots=True)
class RecommendationTracker:
    """What agents recommend, with what came of it.

    Attributes:
        store: where it is kept.
        clock: tells the time.
        workspace: whose.
        scorer: of the agents.
    """

    store: SqlStore
    clock: Clock
    workspace: str = "default"
    scorer: TrustScorer = field(default_factory=TrustScorer)

    def record(
        self, recommendations: Iterable[Recommendation], *, read_at: UtcDatetime | None = None
    ) -> WriteCounts:
        """Keep what agents recommended; the same again changes nothing.

        Args:
            recommendations: of this workspace.
            read_at: the time of those that did not say when; a known one keeps the time it has.

        Raises:
            InputError: one belongs to another workspace; nothing was stored.
            StoreError: the store cannot be written.
        """
        given = list(recommendations)
        _refuse_others(self.workspace, given)
        redactor = Redactor(self.store.workspaces.policy(self.workspace))
        late = [one.recommendation_id for one in given if one.created_at == read_at]
        known = self.store.recommendations.given_at(self.workspace, late)
        cleaned = (_cleaned(redactor, one) for one in given)
        return self.store.recommendations.add(
            one.model_copy(update={"created_at": known[one.recommendation_id]})
            if one.created_at == read_at and one.recommendation_id in known
            else one
            for one in cleaned
        )

    def evaluate(
        self, outcomes: Iterable[RecommendationOutcome], *, read_at: UtcDatetime | None = None
    ) -> WriteCounts:
        """Keep what judges made of them; marks by name give the overall one where it is missing.

        Args:
            outcomes: of this workspace.
            read_at: the time of those that did not say when; one that is known with the same content
                keeps the time it has.

        Raises:
            InputError: one belongs to another workspace; nothing was stored.
            UnknownName: a recommendation is not there; nothing was stored.
            StoreError: the store cannot be written.
        """
        given = [with_overall(outcome) for outcome in outcomes]
        _refuse_others(self.workspace, given)
        redactor = Redactor(self.store.workspaces.policy(self.workspace))
        cleaned = [_cleaned_outcome(redactor, one) for one in given]
        late = [one.recommendation_id for one in cleaned if one.evaluated_at == read_at]
        found = self.store.recommendations.outcomes(self.workspace, late)
        known = {(one.recommendation_id, one.judged_by): one for one in found}
        return self.store.recommendations.evaluate(
            _at_its_time(one, known.get((one.recommendation_id, one.judged_by)))
            if one.evaluated_at == read_at
            else one
            for one in cleaned
        )

    def rank(self, recommendation_id: str) -> tuple[RankedRecommendation, ...]:
        """A recommendation among the others on the same question: same correlation, else same workflow.

        Raises:
            UnknownName: it is not there.
        """
        store = self.store.recommendations
        given = store.get(self.workspace, recommendation_id)
        if given is None:
            msg = (
                f"No recommendation {recommendation_id!r} in workspace {self.workspace!r}. "
                "Nothing was changed. Record it first: flywheel trust record"
            )
            raise UnknownName(msg)
        others = [given] if given.workflow is None else store.of_workflow(self.workspace, given.workflow)
        if given.correlation_id is not None:
            others = store.of_correlation(self.workspace, given.correlation_id)
        return ranked(others, trust_of(self.store, self.workspace, self.clock, self.scorer))

    def of_agent(self, agent: str) -> AgentRecord:
        """Counts over the recommendations of an agent."""
        return agent_record(self.store.recommendations.columns(self.workspace), agent)


@dataclass(frozen=True, slots=True)
class LearningIntegration:
    """Learning from recommendations inside a workflow.

    Attributes:
        tracker: keeps them.
        strategy: when it is worth learning again.
    """

    tracker: RecommendationTracker
    strategy: LearningStrategy = field(default_factory=LearningStrategy)

    def track(self, recommendation: Recommendation) -> WriteCounts:
        """Keep one recommendation."""
        return self.tracker.record([recommendation])

    def evaluate_workflow(
        self,
        workflow: str,
        status: RecommendationStatus,
        *,
        overall: float | None = None,
        judged_by: str | None = None,
    ) -> WriteCounts:
        """One judgement of everything that was recommended in a workflow.

        Raises:
            UnknownName: nothing was recommended in it.
        """
        tracker = self.tracker
        given = tracker.store.recommendations.of_workflow(tracker.workspace, workflow)
        if not given:
            msg = (
                f"No recommendation of workflow {workflow!r} in workspace {tracker.workspace!r}. "
                "Nothing was changed. Record them with their workflow: flywheel trust record"
            )
            raise UnknownName(msg)
        now = tracker.clock.now()
        return tracker.evaluate(
            RecommendationOutcome(
                recommendation_id=one.recommendation_id,
                workspace=one.workspace,
                status=status,
                overall=overall,
                judged_by=judged_by,
                evaluated_at=now,
            )
            for one in given
        )

    def boosts(self) -> dict[str, float]:
        """Weight of each agent's vote; 0 for agents not trusted yet."""
        tracker = self.tracker
        return decision_boosts(trust_of(tracker.store, tracker.workspace, tracker.clock, tracker.scorer))

    def due(self, since: UtcDatetime | None) -> tuple[bool, str]:
        """Whether a cycle of learning should run, with the reason."""
        tracker = self.tracker
        columns = tracker.store.recommendations.columns(tracker.workspace)
        last = None if since is None else since.timestamp()
        return learning_due(columns, last, tracker.clock.now().timestamp(), self.strategy)


def trust_of(store: SqlStore, workspace: str, clock: Clock, scorer: TrustScorer | None = None) -> TrustReport:
    """Trust in all agents of a workspace, from what is stored now."""
    return (scorer or TrustScorer()).scores(
        store.recommendations.columns(workspace),
        store.executions.agent_columns(Scope(workspace=workspace, exclude_sources=NOT_EVIDENCE)),
        clock.now(),
        workspace,
    )


def with_overall(outcome: RecommendationOutcome) -> RecommendationOutcome:
    """The outcome with the mean of its marks as overall one, where that is missing.

    Examples:
        >>> with_overall(RecommendationOutcome(recommendation_id="r1", status="approved",
        ...     qualities={"tone": 80, "use": 90}, evaluated_at="2026-11-02T10:00:00Z")).overall
        85.0
    """
    if outcome.overall is not None or not outcome.qualities:
        return outcome
    mean = sum(outcome.qualities.values()) / len(outcome.qualities)
    return outcome.model_copy(update={"overall": mean})


def _cleaned(redactor: Redactor, given: Recommendation) -> Recommendation:
    """Without what is private, by the workspace's policy; names as executions carry them."""
    if redactor.is_off:
        return given
    return given.model_copy(
        update={
            "agent": redactor.name(given.agent),
            "content": redactor.value(given.content),
            "reasoning": None if given.reasoning is None else redactor.text(given.reasoning),
            "evidence": redactor.value(given.evidence),
        }
    )


def _cleaned_outcome(redactor: Redactor, given: RecommendationOutcome) -> RecommendationOutcome:
    if redactor.is_off:
        return given
    return given.model_copy(
        update={
            "judged_by": None if given.judged_by is None else redactor.name(given.judged_by),
            "feedback": None if given.feedback is None else redactor.text(given.feedback),
        }
    )


def _at_its_time(given: RecommendationOutcome, known: RecommendationOutcome | None) -> RecommendationOutcome:
    """The known outcome, where the given one says the same at another time."""
    if known is None:
        return given
    same = given.model_copy(update={"evaluated_at": known.evaluated_at})
    return known if same == known else given


def _refuse_others(workspace: str, given: Sequence[Recommendation | RecommendationOutcome]) -> None:
    other = next((one for one in given if one.workspace != workspace), None)
    if other is not None:
        msg = (
            f"Recommendation {other.recommendation_id!r} belongs to workspace {other.workspace!r}, not to "
            f"{workspace!r}. Nothing was stored. Name the other one with --workspace."
        )
        raise InputError(msg)
