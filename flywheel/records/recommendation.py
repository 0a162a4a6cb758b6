"""What an agent recommended, with what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from flywheel.errors import InputError
from flywheel.records.base import FiniteJson, Name, Record, Share, UtcDatetime

Points = Annotated[float, Field(ge=0.0, le=100.0)]
"""A mark from 0 to 100."""

RECOMMENDATION_TYPE = "general"
"""Type of a recommendation that names none."""


class RecommendationStatus(StrEnum):
    """What a judge made of a recommendation.

    Examples:
        >>> [status.success for status in RecommendationStatus]
        [1.0, 0.0, 0.5, None]
    """

    APPROVED = "approved"
    REJECTED = "rejected"
    PARTIAL = "partial"
    PENDING = "pending"

    @property
    def success(self) -> float | None:
        """1 for approved, 0 for rejected, a half for partial; None while it is pending."""
        return {"approved": 1.0, "rejected": 0.0, "partial": 0.5}.get(self.value)


class Recommendation(Record):
    """One recommendation of one agent.

    Attributes:
        recommendation_id: unique in its workspace.
        agent: that gave it; judgements by the same name do not count.
        correlation_id: joins recommendations on the same question; None when nothing does.
        workflow: in which it was given; None when in none.
        type: the context in which the agent is trusted or not.
        content: the recommendation itself.
        confidence: of the agent; None when it gave none.
        reasoning: why, in the agent's words; None when it gave none.
        evidence: what it rests on, any JSON.
        created_at: when it was given.

    Examples:
        >>> Recommendation(recommendation_id="r1", agent="reviewer", content="Ask for the order number.",
        ...                created_at="2026-11-02T09:00:00Z").type
        'general'
    """

    recommendation_id: Name
    workspace: Name = "default"
    agent: Name
    correlation_id: Name | None = None
    workflow: Name | None = None
    type: Name = RECOMMENDATION_TYPE
    content: FiniteJson
    confidence: Share | None = None
    reasoning: str | None = None
    evidence: FiniteJson = None
    created_at: UtcDatetime


class RecommendationOutcome(Record):
    """What one judge made of one recommendation; a judge has one outcome of it, the newest.

    Attributes:
        qualities: marks by name, such as accuracy or usefulness, 0 to 100;
            `quality_dimensions` is accepted as another name of the field.
        overall: 0 to 100; None when nobody gave a mark.
        status: pending is no evidence.
        feedback: in the judge's words.
        judged_by: who judged; None is one unknown judge.

    Examples:
        >>> RecommendationOutcome(recommendation_id="r1", status="approved", overall=90, judged_by="ann",
        ...                       evaluated_at="2026-11-02T10:00:00Z").status.success
        1.0
    """

    recommendation_id: Name
    workspace: Name = "default"
    qualities: Mapping[Name, Points] = {}
    overall: Points | None = None
    status: RecommendationStatus
    feedback: str | None = None
    evaluated_at: UtcDatetime
    judged_by: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _known_name(cls, data: object) -> object:
        if isinstance(data, dict) and "quality_dimensions" in data and "qualities" not in data:
            renamed = dict(data)
            renamed["qualities"] = renamed.pop("quality_dimensions")
            return renamed
        return data

    @model_validator(mode="after")
    def _a_judge_has_a_name(self) -> Self:
        # The store keeps the unknown judge under the empty name.
        if self.judged_by is not None and not self.judged_by.strip():
            msg = "judged_by is blank; leave it out when nobody knows who judged"
            raise ValueError(msg)
        return self


def derived_id(fields: Mapping[str, object]) -> str:
    """An id for a recommendation that has none: the same content has the same id at every door.

    Args:
        fields: as they were given, in any order; those that are None, the workspace and the usual type
            say nothing.

    Raises:
        InputError: a text holds half a character.

    Examples:
        >>> one = derived_id({"agent": "a", "content": 1})
        >>> one == derived_id({"content": 1, "agent": "a", "type": "general", "reasoning": None})
        True
    """
    usual = {"workspace": fields.get("workspace"), "type": RECOMMENDATION_TYPE}
    said = {name: value for name, value in fields.items() if value is not None and value != usual.get(name)}
    try:
        encoded = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str).encode()
    except UnicodeEncodeError as error:
        msg = (
            f"The recommendation holds half a character, which no database keeps: {error}. "
            "Nothing was stored. Replace lone surrogates, and bytes that are no UTF-8."
        )
        raise InputError(msg) from error
    return hashlib.sha256(encoded).hexdigest()[:24]
