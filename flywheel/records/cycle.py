"""What a cycle is asked to do, plus what it says it did."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, ConfigDict, Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime
from flywheel.records.findings import Insight
from flywheel.records.strategy import LearningStrategy


class Phase(StrEnum):
    """The six phases, in order."""

    COLLECT = "collect"
    ANALYZE = "analyze"
    GENERATE = "generate"
    VALIDATE = "validate"
    APPLY = "apply"
    TRACK = "track"


class FeedbackLoopInput(Record):
    """What one cycle over one prompt is asked to do; flat, so that it makes a form.

    Attributes:
        prompt: name of the prompt; `pattern_id` is accepted as an alias.
        feedback_type: which evidence counts.
        time_window_days: how far back; None takes everything stored.
        suite: cases for live experiments; None uses recorded executions only.
        model: model that answers in live experiments.
        auto_apply_threshold, min_sample_size, significance_level: None takes the strategy's;
            the balanced strategy has 0.95, 30 and 0.05.
        enable_ab_testing: False compares recorded executions only.
        budget_calls, budget_tokens, budget_usd: ceilings; None is no ceiling.
        max_latency_ratio, max_cost_ratio: guardrails of this cycle; None takes the strategy's.
        explain: model that writes causes beside the rules' ones; None leaves the rules alone.
        placebo: put a change without meaning through the gate too; if it passes, nothing is released.
        racing: stop live experiments early; None takes the strategy's.
        refiner: model that writes candidates beside the built-in strategies; None asks none.
        seed: of every random draw in the cycle.
        dry_run: everything but the release.
        correlation_id: part of the identity of the cycle, so that another one starts a new cycle.
    """

    model_config = ConfigDict(populate_by_name=True)

    prompt: Name = Field(validation_alias=AliasChoices("prompt", "pattern_id"))
    workspace: Name = "default"
    feedback_type: Annotated[str, Field(pattern="^(performance|quality|usage|all)$")] = "all"
    time_window_days: Annotated[float, Field(gt=0)] | None = 7
    suite: Name | None = None
    model: Name | None = None
    strategy: str = "balanced"
    auto_apply_threshold: Share | None = None
    min_sample_size: Annotated[int, Field(ge=2)] | None = None
    significance_level: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    enable_ab_testing: bool = True
    budget_calls: Count | None = None
    budget_tokens: Count | None = None
    budget_usd: NonNegative | None = None
    max_latency_ratio: Annotated[float, Field(gt=0)] | None = None
    max_cost_ratio: Annotated[float, Field(gt=0)] | None = None
    racing: bool | None = None
    explain: Name | None = None
    refiner: Name | None = None
    placebo: bool = False
    seed: Count = 0
    dry_run: bool = False
    correlation_id: str | None = None


class CycleContext(Record):
    """What is fixed when a cycle opens and stays fixed through all its phases.

    Attributes:
        cycle_id: derived from the input, the live version and the evidence watermark.
        window_start, window_end: executions outside are not looked at.
        watermark: executions stored after this sequence number are not looked at.
        control: content hash (or label) of the live version the cycle tries to beat.
    """

    cycle_id: Name
    request: FeedbackLoopInput
    strategy: LearningStrategy
    window_start: UtcDatetime | None
    window_end: UtcDatetime
    watermark: Count
    control: Name | None


class StageSummary(Record):
    """How one phase ended, for FeedbackLoopOutput.workflow_stages."""

    phase: Phase
    status: Annotated[str, Field(pattern="^(completed|degraded|skipped|failed)$")]
    detail: str = ""
    counts: dict[str, int] = Field(default_factory=dict)


class FeedbackLoopOutput(Record):
    """What a cycle did; the fields of the older systems first, with their meaning.

    Attributes:
        performance_delta: estimate of the best candidate minus control, rate units; None when unknown.
        confidence_score: 1 - p of that comparison, at most 0.99; None when there is no p.
        shrunken_gain: what to expect of that candidate in use, after correction for having been picked.
        report_gain, report_low, report_high: gain of the release on cases that decided nothing.
        report_pairs: such cases scored under both versions.
        insights: what was found, each with the versions proposed from it.
    """

    success: bool
    feedback_collected: Count
    improvements_identified: Count
    improvements_validated: Count
    improvements_applied: Count
    performance_delta: float | None
    confidence_score: Share | None
    p_value: Share | None
    statistically_significant: bool
    workflow_stages: tuple[StageSummary, ...]
    cycle_id: Name
    prompt: Name
    workspace: Name
    control: Name | None
    live: Name | None
    because: str
    shipped: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    shrunken_gain: float | None = None
    report_gain: float | None = None
    report_low: float | None = None
    report_high: float | None = None
    report_pairs: Count = 0
    calls: Count = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None
    insights: tuple[Insight, ...] = ()
