"""One run of one case, a test or a production call."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from flywheel.records.base import Count, FiniteJson, Name, NonNegative, Record, Share, UtcDatetime

SCHEMA_VERSION = 1


class Outcome(StrEnum):
    """How an execution ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    UNSCORED = "unscored"


class ModelUse(Record):
    """One model's part in an execution; what is unknown is None."""

    model: Name
    confidence: Share | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None


class Execution(Record):
    """One line of evidence; docs/evidence.md lists every field.

    A passed execution without a score has score 1, a failed one 0. All other
    missing numbers stay None.

    Examples:
        >>> Execution(execution_id="r1", prompt="triage", outcome="passed").score
        1.0
        >>> Execution(execution_id="r2", prompt="triage", outcome="error").score is None
        True
    """

    execution_id: Name
    workspace: Name = "default"
    prompt: Name | None = None
    version: Name | None = None
    case_id: Name | None = None
    suite: Name | None = None
    slice: Name | None = None
    model: Name | None = None
    agent: Name | None = None
    session_id: Name | None = None
    workflow_id: Name | None = None
    inputs: FiniteJson = None
    output: FiniteJson = None
    expected: FiniteJson = None
    metadata: FiniteJson = None
    outcome: Outcome
    score: Share | None = None
    confidence: Share | None = None
    latency_ms: NonNegative | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    error_type: Name | None = None
    error_message: str | None = None
    retries: Count | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    comment: str | None = None
    models: tuple[ModelUse, ...] = ()
    started_at: UtcDatetime | None = None
    source: Name = "python"
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION

    @model_validator(mode="before")
    @classmethod
    def _score_from_outcome(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("score") is None:
            implied = {"passed": 1.0, "failed": 0.0}.get(str(data.get("outcome")))
            if implied is not None:
                return {**data, "score": implied}
        return data

    @model_validator(mode="after")
    def _unscored_has_no_score(self) -> Self:
        if self.outcome is Outcome.UNSCORED and self.score is not None:
            msg = f"outcome is 'unscored' but score is {self.score!r}; leave one of them out"
            raise ValueError(msg)
        return self
