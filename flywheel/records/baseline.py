"""A baseline: how every model does on every slice."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime


class Target(StrEnum):
    """Where a measure stands to its target: shown to be there, shown not to be, or neither."""

    MET = "met"
    MISSED = "missed"
    UNCLEAR = "unclear"
    NONE = "no target"


class BaselineCell(Record):
    """One model on one slice, or on all cases.

    Attributes:
        slice: None for all cases.
        cases: that were asked.
        scored: that count; an execution without an answer counts as failed.
        passed: of those scored.
        pass_rate, low, high: with a 95 % interval; None where nothing was scored.
        median_ms, median_low_ms, median_high_ms: response time with a 95 % interval; None is unknown.
        p95_ms: response time that one answer in twenty exceeds.
        cost_per_request_usd: mean; None is unknown.
    """

    slice: str | None = None
    cases: Count = 0
    scored: Count = 0
    passed: Count = 0
    pass_rate: Share | None = None
    low: Share | None = None
    high: Share | None = None
    median_ms: NonNegative | None = None
    median_low_ms: NonNegative | None = None
    median_high_ms: NonNegative | None = None
    p95_ms: NonNegative | None = None
    cost_per_request_usd: NonNegative | None = None


class ModelBaseline(Record):
    """One row of the matrix.

    Attributes:
        overall: on all cases.
        slices: one cell per slice, in the order of the matrix.
        place: 1 + models shown to be better on common cases; None when nothing can be said.
        tied_with: models from which no difference is shown.
        quality_target, response_ms_target: None where none is set.
        quality, response: where the pass rate and the median stand to them.
    """

    model: Name
    overall: BaselineCell
    slices: tuple[BaselineCell, ...] = ()
    place: Annotated[int, Field(ge=1)] | None = None
    tied_with: tuple[Name, ...] = ()
    quality_target: Share | None = None
    response_ms_target: NonNegative | None = None
    quality: Target = Target.NONE
    response: Target = Target.NONE


class BaselineChange(Record):
    """A model beside itself in an earlier baseline, on the cases of both.

    Attributes:
        pairs: cases scored in both.
        difference, low, high: now minus then, in rate units; None where too few cases are in both.
        adjusted_p: corrected over the models.
        verdict: `better`, `worse`, `no difference shown` or `unknown`.
    """

    model: Name
    pairs: Count = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    adjusted_p: Share | None = None
    verdict: Annotated[str, Field(pattern="^(better|worse|no difference shown|unknown)$")] = "unknown"


class BaselineMatrix(Record):
    """How one prompt version does with each model on each slice of a suite.

    Attributes:
        session_id: session of the executions behind it.
        measured_at: start of its last execution; None where no model says, as the embedded ones.
        slices: names of the columns; cases without a slice are only in the total.
        models: rows, best first.
        against: session of the earlier baseline; None without one.
        changes: one per model that is in both.
    """

    workspace: Name = "default"
    suite: Name
    prompt: Name
    version: Name
    session_id: Name
    measured_at: UtcDatetime | None = None
    slices: tuple[str, ...] = ()
    models: tuple[ModelBaseline, ...] = ()
    against: Name | None = None
    changes: tuple[BaselineChange, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """Models shown to miss a target."""
        return tuple(m.model for m in self.models if Target.MISSED in (m.quality, m.response))
