"""What a cycle is asked to do, plus what it says it did."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from flywheel.records.base import MOST_DAYS, Count, Name, NonNegative, Record, Share, UtcDatetime
from flywheel.records.findings import Insight
from flywheel.records.model_gain import AcrossModels, ModelGain
from flywheel.records.strategy import PRESETS, LearningStrategy


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
        model: model that answers in live experiments; on it a candidate wins or loses.
        also_models: models beside `model` on which a winner must not be worse; it is run on each of them.
        auto_apply_threshold, min_sample_size, significance_level: None takes the strategy's;
            the balanced strategy has 0.95, 30 and 0.05.
        enable_ab_testing: False compares recorded executions only.
        budget_calls, budget_tokens, budget_usd: ceilings; None is no ceiling.
        max_latency_ratio, max_cost_ratio: guardrails of this cycle; None takes the strategy's.
        max_model_loss: loss that must be excluded on each of `also_models`, rate units; None takes the
            strategy's.
        explain: model that writes causes beside the rules' ones; None leaves the rules alone.
        placebo: put a change without meaning through the gate too; if it passes, nothing is released.
        racing: stop live experiments early; None takes the strategy's.
        refiner: model that writes candidates beside the built-in strategies; None asks none.
        strategy: name of a preset, or of own_strategy.
        own_strategy: all settings of a strategy that is no preset; None where strategy names one.
        seed: of every random draw in the cycle.
        dry_run: everything but the release.
        correlation_id: part of the identity of the cycle, so that another one starts a new cycle.
    """

    model_config = ConfigDict(populate_by_name=True)

    prompt: Name = Field(validation_alias=AliasChoices("prompt", "pattern_id"))
    workspace: Name = "default"
    feedback_type: Annotated[str, Field(pattern="^(performance|quality|usage|all)$")] = "all"
    time_window_days: Annotated[float, Field(gt=0, le=MOST_DAYS)] | None = 7
    suite: Name | None = None
    model: Name | None = None
    also_models: tuple[Name, ...] = ()
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
    max_model_loss: Annotated[float, Field(gt=0, lt=1)] | None = None
    racing: bool | None = None
    explain: Name | None = None
    refiner: Name | None = None
    placebo: bool = False
    seed: Count = 0
    dry_run: bool = False
    correlation_id: str | None = None
    own_strategy: LearningStrategy | None = None

    @model_validator(mode="after")
    def _one_name_for_one_strategy(self) -> FeedbackLoopInput:
        own = self.own_strategy
        if own is not None and own.name in PRESETS:
            msg = f"own_strategy is called {own.name!r}, which is a preset; give it another name"
            raise ValueError(msg)
        if own is not None and own.name != self.strategy:
            msg = f"strategy is {self.strategy!r}, own_strategy is called {own.name!r}; give both one name"
            raise ValueError(msg)
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """All models a cycle asks, the one that decides first.

        Examples:
            >>> FeedbackLoopInput(prompt="p", suite="s", model="a", also_models=("b",)).models
            ('a', 'b')
        """
        return self.also_models if self.model is None else (self.model, *self.also_models)

    @model_validator(mode="after")
    def _each_model_once(self) -> Self:
        if self.also_models and (self.suite is None or self.model is None):
            msg = "also_models are run on the cases of a suite, beside a model; name both, or leave them out"
            raise ValueError(msg)
        if len(set(self.models)) < len(self.models):
            msg = f"models are {', '.join(self.models)}; each model once"
            raise ValueError(msg)
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A request that does not use the newer fields is written, and identified, as it always was."""
        written: dict[str, Any] = plain(self)
        return {k: v for k, v in written.items() if k not in NEWER_FIELDS or v not in ((), [], None)}


NEWER_FIELDS = frozenset({"also_models", "max_model_loss", "own_strategy"})
"""Fields of a request that came after the first stores; absent where they are not used."""


class CycleContext(Record):
    """What is fixed when a cycle opens and stays fixed through all its phases.

    Attributes:
        cycle_id: derived from the input, the live version and the evidence watermark.
        window_start, window_end: executions outside are not looked at.
        watermark: executions stored after this sequence number are not looked at.
        control: content hash (or label) of the live version the cycle tries to beat.
        replicate: number of the measurement, the same for a dry run or another budget of it; answers
            kept from another measurement are not given.
        scorer_source: hash of the code that scores, empty unless it is the user's.
    """

    cycle_id: Name
    request: FeedbackLoopInput
    strategy: LearningStrategy
    window_start: UtcDatetime | None
    window_end: UtcDatetime
    watermark: Count
    control: Name | None
    replicate: Count = 0
    scorer_source: str = ""


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
        report_models: the same on every model asked; empty where one model was asked. The fields before
            are of the first of them.
        insights: what was found, each with the versions proposed from it.
        models: gain of the best candidate on every model asked; empty where one model was asked.
        across: whether that gain carries over; None where one model was asked.
        unmeasured: what a budget of the request left unmeasured.
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
    models: tuple[ModelGain, ...] = ()
    across: AcrossModels | None = None
    report_models: tuple[ModelGain, ...] = ()
    unmeasured: tuple[str, ...] = ()
