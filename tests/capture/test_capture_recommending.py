"""Recommendations brought in, judged, ranked, learned from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from flywheel.capture.recommending import LearningIntegration, RecommendationTracker
from flywheel.errors import InputError, UnknownName
from flywheel.learn.trust import TrustScorer
from flywheel.records.recommendation import (
    Recommendation,
    RecommendationOutcome,
    RecommendationStatus,
)
from flywheel.records.strategy import LearningStrategy
from flywheel.records.trust import TrustSettings
from flywheel.store.open import open_store

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True)
class StoppedClock:
    """Always the same moment."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """The moment."""
        return self.moment


@pytest.fixture(scope="module")
def tracker() -> Iterator[RecommendationTracker]:
    """Ann is right in billing, bob is not; both advise on question q1; eve judged."""
    store = open_store("sqlite://")
    kept = RecommendationTracker(store, StoppedClock(), scorer=TrustScorer(TrustSettings(judge_limit=1e6)))
    kept.record(
        [advice(f"{agent}{i}", agent, i) for agent in ("ann", "bob") for i in range(40)]
        + [advice(f"q1-{agent}", agent, 50, "q1", "refunds") for agent in ("ann", "bob", "new")]
    )
    kept.evaluate(
        judgement(f"{agent}{i}", "approved" if agent == "ann" or i % 3 == 0 else "rejected", i)
        for agent in ("ann", "bob")
        for i in range(40)
    )
    yield kept
    store.close()


def advice(
    name: str, agent: str, hour: int, question: str | None = None, workflow: str | None = None
) -> Recommendation:
    """One recommendation."""
    return Recommendation(
        recommendation_id=name,
        agent=agent,
        type="billing",
        content="Refund it.",
        correlation_id=question,
        workflow=workflow,
        created_at=NOW - timedelta(hours=100 - hour),
    )


def judgement(name: str, status: str, hour: int, **fields: object) -> RecommendationOutcome:
    """What eve made of it."""
    whole = {"recommendation_id": name, "status": status, "judged_by": "eve", **fields}
    return RecommendationOutcome.model_validate({**whole, "evaluated_at": NOW - timedelta(hours=99 - hour)})


def test_alternatives_are_ranked_by_the_record(tracker: RecommendationTracker):
    """On one question the agent with the better record comes first, the unknown one last with a reason."""
    ranked = tracker.rank("q1-bob")

    assert [one.recommendation.agent for one in ranked] == ["ann", "bob", "new"]
    assert ranked[0].chance > 0.85 > ranked[1].chance
    assert ranked[2].chance is None
    assert ranked[2].because == "'new' has no judged outcome"
    with pytest.raises(UnknownName, match="No recommendation 'x'"):
        tracker.rank("x")


def test_an_agent_has_counts(tracker: RecommendationTracker):
    """Recorded, judged, pending, by what came of them; an unknown agent has zeros and no rate."""
    bob = tracker.of_agent("bob")

    assert (bob.recorded, bob.judged, bob.pending, bob.approved, bob.rejected) == (41, 40, 1, 14, 26)
    assert bob.approval == pytest.approx(14 / 40)
    assert tracker.of_agent("nobody").approval is None


def test_only_trusted_agents_have_a_say(tracker: RecommendationTracker):
    """The boost of a trusted agent is its log-odds, of others 0."""
    boosts = LearningIntegration(tracker).boosts()

    assert boosts["ann"] > 1.5
    assert boosts["bob"] == 0.0


def test_a_whole_workflow_is_judged_at_once():
    """Every recommendation of it gets the outcome; an unknown workflow is refused."""
    store = open_store("sqlite://")
    learning = LearningIntegration(RecommendationTracker(store, StoppedClock()))
    for name in ("a", "b"):
        learning.track(advice(name, "ann", 1, workflow="refunds"))

    counts = learning.evaluate_workflow("refunds", RecommendationStatus.APPROVED, overall=80, judged_by="eve")

    assert counts.stored == 2
    assert learning.tracker.of_agent("ann").mean_quality == pytest.approx(0.8)
    with pytest.raises(UnknownName, match="'returns'"):
        learning.evaluate_workflow("returns", RecommendationStatus.APPROVED)
    store.close()


def test_marks_by_name_give_the_overall_one():
    """Their mean, where nobody gave one; a given one stays."""
    store = open_store("sqlite://")
    kept = RecommendationTracker(store, StoppedClock())
    kept.record([advice("a", "ann", 1), advice("b", "ann", 1)])
    kept.evaluate(
        [
            judgement("a", "approved", 2, quality_dimensions={"tone": 80, "use": 60}),
            judgement("b", "approved", 2, qualities={"tone": 80}, overall=10),
        ]
    )

    assert [one.overall for one in store.recommendations.outcomes("default", ["a", "b"])] == [70.0, 10.0]
    store.close()


def test_another_workspace_is_refused(tracker: RecommendationTracker):
    """A tracker writes in its own workspace only."""
    with pytest.raises(
        InputError, match=r"belongs to workspace 'team', not to 'default'. Nothing was stored"
    ):
        tracker.record([advice("x", "ann", 1).model_copy(update={"workspace": "team"})])


@pytest.mark.parametrize(
    ("since_hours", "strategy", "due", "words"),
    [
        (None, {}, True, "80 new judgements"),
        (None, {"max_failure_rate": 0.9}, True, "none learned from yet"),
        (30, {"max_failure_rate": 0.9}, False, "asks for 20"),
        (80, {"max_failure_rate": 0.9, "cycle_interval_hours": 100}, False, "80.0 h ago; it may be 100"),
        (80, {"max_failure_rate": 0.9}, True, "the last time was 80.0 h ago"),
    ],
)
def test_learning_is_due_with_enough_new_judgements(tracker, since_hours, strategy, due, words):
    """Enough of them and either many rejected, or long enough since the last time."""
    learning = LearningIntegration(tracker, LearningStrategy.model_validate(strategy))
    since = None if since_hours is None else NOW - timedelta(hours=since_hours)

    found, because = learning.due(since)

    assert found is due
    assert words in because
