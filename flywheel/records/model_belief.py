"""What is believed of models: how often they pass, what they cost, which one to ask."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime


class Measure(Record):
    """A mean of what executions recorded; None where it does not exist.

    Attributes:
        n: executions that recorded it.
        mean, low, high: with its 95 % interval, in the unit of the quantity.
    """

    n: Count = 0
    mean: NonNegative | None = None
    low: NonNegative | None = None
    high: NonNegative | None = None


class ModelBelief(Record):
    """The posterior of a model's pass rate, over all slices or in one of them.

    Attributes:
        prompt: whose executions count; None is all prompts together.
        slice: None is all slices together.
        outcomes: executions it rests on.
        passed, failed: pseudo-counts of the Beta posterior: the outcomes, older ones faded, with what
            is expected of the model before any of them.
        mean, low, high: expected pass rate with its 95 % credible interval.
        own_from: outcomes from which the record in the slice decides about the slice; below it the
            record over all slices does.
        cost_usd, latency_ms: of one execution.
        updated_at: when it was last kept; None when it is not.
    """

    workspace: Name = "default"
    prompt: Name | None = None
    model: Name
    slice: Name | None = None
    outcomes: Count
    passed: Annotated[float, Field(gt=0)]
    failed: Annotated[float, Field(gt=0)]
    mean: Share
    low: Share
    high: Share
    own_from: Count = 50
    cost_usd: Measure = Measure()
    latency_ms: Measure = Measure()
    updated_at: UtcDatetime | None = None


class ModelOption(Record):
    """One model that could be asked, as the choice saw it.

    Attributes:
        share: of requests it gets.
        mean, low, high: expected pass rate on the slice, with its credible interval.
        outcomes: on the slice.
        reaches_floor: chance that its pass rate is at least the floor; None without one.
        cost_usd, latency_ms: expected of one request; None when unknown.
        because: why it gets nothing, else empty.
    """

    model: Name
    share: Share
    mean: Share
    low: Share
    high: Share
    outcomes: Count
    reaches_floor: Share | None = None
    cost_usd: NonNegative | None = None
    latency_ms: NonNegative | None = None
    because: str = ""


class ModelChoice(Record):
    """Which model to ask, with what a later analysis needs to know about how it was chosen.

    Attributes:
        key: whom the request is for; equal keys get equal models while the beliefs stand.
        propensity: chance that a request like this one was given this model.
        explores: whether it is another model than the one expected to do best.
        options: every model, the largest share first.
        because: one sentence.
    """

    workspace: Name = "default"
    prompt: Name | None = None
    slice: Name | None = None
    key: str | None = None
    model: Name
    propensity: Annotated[float, Field(gt=0, le=1)]
    explores: bool
    options: tuple[ModelOption, ...]
    because: str
