"""What keeps recommendations of agents, as a protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from flywheel.ports.counts import WriteCounts
from flywheel.records.columns import RecommendationColumns
from flywheel.records.recommendation import Recommendation, RecommendationOutcome


class RecommendationStore(Protocol):
    """Recommendations of agents with what judges made of them."""

    def add(self, recommendations: Iterable[Recommendation]) -> WriteCounts:
        """Keep in bulk; equal ones are left alone, changed ones replace."""
        ...

    def get(self, workspace: str, recommendation_id: str) -> Recommendation | None:
        """A recommendation by its id; None when there is none, or when a cleanup took it."""
        ...

    def of_agent(self, workspace: str, agent: str, limit: int) -> list[Recommendation]:
        """The newest recommendations of an agent, newest first."""
        ...

    def of_workflow(self, workspace: str, workflow: str) -> list[Recommendation]:
        """All recommendations of a workflow, oldest first."""
        ...

    def of_correlation(self, workspace: str, correlation_id: str) -> list[Recommendation]:
        """All recommendations on one question, oldest first."""
        ...

    def evaluate(self, outcomes: Iterable[RecommendationOutcome]) -> WriteCounts:
        """Keep in bulk what judges made of stored recommendations; a judge's newer outcome replaces.

        Raises UnknownName when a recommendation is not there; nothing is stored then.
        """
        ...

    def outcomes(self, workspace: str, recommendation_ids: Sequence[str]) -> list[RecommendationOutcome]:
        """Outcomes of recommendations, in the order they were judged."""
        ...

    def columns(self, workspace: str, since: datetime | None = None) -> RecommendationColumns:
        """Judgements as arrays in the order of time; since bounds the time of the judgement."""
        ...

    def delete_before(self, workspace: str, moment: datetime) -> int:
        """Delete recommendations given before a moment, with the words of their judges.

        Marks stay as columns, so trust is what it was. Gives how many were deleted.
        """
        ...
