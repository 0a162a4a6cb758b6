"""What could be done next, with what it may bring."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share


class CostSaving(Record):
    """One way to make a request cheaper.

    Attributes:
        way: `shorten` the prompt, or another `model`.
        name: of the model; None for the prompt.
        now_usd: mean cost of a request.
        saving_usd, low_usd, high_usd: expected fall of it, with a 95 % interval; None where there is none.
        requests: behind the number.
        because: what it rests on.
    """

    way: Annotated[str, Field(pattern="^(shorten|model)$")]
    name: str | None = None
    now_usd: NonNegative
    saving_usd: float
    low_usd: float | None = None
    high_usd: float | None = None
    requests: Count
    because: str


class LearnedStrategy(Record):
    """What a refinement strategy did so far on the kinds of failures that are there now.

    Attributes:
        helped, tried: experiments that could tell.
        low, high: 95 % range of its chance to help.
    """

    strategy: Name
    kind: Name | None = None
    helped: Count
    tried: Count
    low: Share | None = None
    high: Share | None = None


class Advice(Record):
    """Which refinement strategy to try first, what it learned from, what could be saved.

    Attributes:
        strategy: `none` where nothing in a prompt cures what is there.
        because: the reason.
        learned: the surest first; empty where nothing was tried.
        savings: the largest first.
    """

    strategy: Name
    because: str
    learned: tuple[LearnedStrategy, ...] = ()
    savings: tuple[CostSaving, ...] = ()


class PastChange(Record):
    """A measure beside itself in an earlier time.

    Attributes:
        now, before: None is unknown.
        difference, low, high: now minus before with a 95 % interval, in the unit of the measure.
        verdict: `better`, `worse`, `no difference shown` or `unknown`.
    """

    measure: Name
    now: float | None = None
    before: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Annotated[str, Field(pattern="^(better|worse|no difference shown|unknown)$")] = "unknown"
