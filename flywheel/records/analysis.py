"""What the analyze phase found: metrics, failure patterns, needs."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, JsonValue, model_validator

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Outcome
from flywheel.records.findings import Contrast, FlakyTest, Insight, PromptAnalysis, RootCause, SliceFinding
from flywheel.records.voices import Voices


class DroppedCount(Record):
    """Executions of the window that do not count as evidence, with the reason."""

    reason: str
    count: Count


class Feedback(Record):
    """Evidence of one cycle, by reference: counted + dropped = stored in the window.

    Attributes:
        voices: what people said of it; it decides nothing.
    """

    context: CycleContext
    stored: Count
    counted: Count
    dropped: tuple[DroppedCount, ...] = ()
    by_outcome: dict[Outcome, int]
    versions: tuple[str, ...] = ()
    rated: Count = 0
    retried: Count = 0
    voices: Voices | None = None

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Self:
        if self.counted + sum(d.count for d in self.dropped) != self.stored:
            msg = f"counted {self.counted} + dropped != stored {self.stored}"
            raise ValueError(msg)
        return self


class ErrorDistribution(Record):
    """Failures by class; total is their sum."""

    timeout_errors: Count = 0
    api_errors: Count = 0
    validation_errors: Count = 0
    llm_errors: Count = 0
    wrong_answers: Count = 0
    other_errors: Count = 0
    total_errors: Count = 0

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        parts = (
            self.timeout_errors,
            self.api_errors,
            self.validation_errors,
            self.llm_errors,
            self.wrong_answers,
            self.other_errors,
        )
        if sum(parts) != self.total_errors:
            msg = f"total_errors is {self.total_errors}; the classes sum to {sum(parts)}"
            raise ValueError(msg)
        return self


class TestExecutionReport(Record):
    """Aggregated metrics of many executions; what was never recorded is None."""

    __test__: ClassVar[bool] = False

    workflow_id: str | None = None
    run_id: str | None = None
    group: str | None = None
    total_tests: Count
    successful_tests: Count
    failed_tests: Count
    error_tests: Count = 0
    unscored_tests: Count = 0
    success_rate: Share | None
    avg_response_time_ms: NonNegative | None = None
    p95_response_time_ms: NonNegative | None = None
    p99_response_time_ms: NonNegative | None = None
    total_tokens: Count | None = None
    avg_tokens: NonNegative | None = None
    total_cost_usd: NonNegative | None = None
    cost_per_request_usd: NonNegative | None = None
    error_distribution: ErrorDistribution = ErrorDistribution()

    @model_validator(mode="after")
    def _rate_matches_counts(self) -> Self:
        scored = self.successful_tests + self.failed_tests + self.error_tests
        if scored + self.unscored_tests != self.total_tests:
            msg = f"total_tests is {self.total_tests}; the parts sum to {scored + self.unscored_tests}"
            raise ValueError(msg)
        want = self.successful_tests / scored if scored else None
        got = self.success_rate
        if (want is None) != (got is None) or (
            want is not None and got is not None and abs(want - got) > 1e-6
        ):
            msg = f"success_rate is {got}; the counts give {want}"
            raise ValueError(msg)
        return self

    @property
    def has_timeout_errors(self) -> bool:
        """Whether any execution timed out."""
        return self.error_distribution.timeout_errors > 0

    @property
    def has_api_errors(self) -> bool:
        """Whether any execution met an API error."""
        return self.error_distribution.api_errors > 0

    def get_error_rate(self) -> float | None:
        """Share of executions with an error, or None without executions."""
        return self.error_distribution.total_errors / self.total_tests if self.total_tests else None

    def get_timeout_error_rate(self) -> float | None:
        """Share of executions that timed out, or None without executions."""
        return self.error_distribution.timeout_errors / self.total_tests if self.total_tests else None


class FailurePattern(Record):
    """A cluster of similar failures with a cause.

    Attributes:
        pattern_key: stable over re-runs and new data.
        kind: format, confusion, error, cut_off, constant, wrong_answer, refusal.
        share: of all failures in the window.
        produced, expected: the pair of answers of a confusion; produced of a constant.
        examples: execution ids, at most five.
        detail: the exact form of the failure: a template, a place in the code, a rule that was broken.
        members: keys of the exact groups that were merged into this pattern.
        rate: share of all scored executions that fail this way; None when their number is unknown.
        contrast: where it is at home with its lift; None without passed executions to compare with.
        state: new, known, resolved, came_back.
        found_by: cycle that saw it first.
        root_cause: written by a model, beside the rule-based cause.
    """

    pattern_key: Name
    kind: Name
    title: str
    cause: str
    recommendation: str
    count: Count
    share: Share
    confidence: Share
    slice: str | None = None
    expected: str | None = None
    produced: str | None = None
    examples: tuple[str, ...] = ()
    detail: str = ""
    members: tuple[str, ...] = ()
    rate: Share | None = None
    contrast: Contrast | None = None
    state: str = "new"
    first_seen: UtcDatetime | None = None
    last_seen: UtcDatetime | None = None
    found_by: str | None = None
    root_cause: RootCause | None = None


class Need(Record):
    """Why a prompt is worth improving, or why not."""

    should_optimize: bool
    score: float
    reasons: tuple[str, ...]


class SliceReport(Record):
    """Metrics of one slice."""

    slice: str
    report: TestExecutionReport


class Analysis(Record):
    """What fails, how often, why, and whether that makes a need.

    Attributes:
        patterns: of this window, most damaging first.
        unseen: known patterns without a failure in this window, resolved ones among them.
        slice_findings: combinations of attributes with worse results than the rest.
        flaky: tests that pass as well as fail although nothing changed, the surest first.
        insights: all of it in one order, most worth knowing first.
        evidence: how many texts of how many were read, what a model was asked.
    """

    context: CycleContext
    report: TestExecutionReport
    slices: tuple[SliceReport, ...] = ()
    patterns: tuple[FailurePattern, ...] = ()
    unseen: tuple[FailurePattern, ...] = ()
    need: Need
    slice_findings: tuple[SliceFinding, ...] = ()
    flaky: tuple[FlakyTest, ...] = ()
    insights: tuple[Insight, ...] = ()
    prompt_analysis: PromptAnalysis | None = None
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
