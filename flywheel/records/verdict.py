"""The outcome of an experiment, with the numbers that carry it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from flywheel.records.base import Count, Name, NonNegative, Record, Share
from flywheel.records.cycle import CycleContext
from flywheel.records.model_gain import AcrossModels, ModelGain
from flywheel.records.proposal import Proposal


class Ruling(StrEnum):
    """The four verdicts."""

    SHIP = "ship"
    STAGE = "stage"
    HOLD = "hold"
    REJECT = "reject"


class Guardrail(Record):
    """A measure that must not get worse."""

    measure: Name
    passed: bool | None
    estimate: float | None = None
    limit: float | None = None
    because: str = ""


class Evidence(Record):
    """Numbers of one comparison, candidate minus control on the same cases.

    Attributes:
        estimate, low, high: mean paired difference with its interval, rate units.
        p_value: two-sided, of this comparison alone.
        adjusted_p: corrected over all comparisons decided together; the one that decides.
        wins, losses, ties: cases where candidate scored more, less, the same.
        shrunken_gain: what to expect in use, after correction for selection.
        source: `recorded` executions or `live` runs of this cycle.
        standard_error: of the estimate.
        cases_digest: hash of the case ids.
        fresh_pairs, fresh_e_value: cases that no earlier experiment on the same two versions had, with
            the evidence they give; these multiply over experiments.
    """

    control: Name
    candidate: Name
    source: Name
    method: str
    slice: str | None = None
    pairs: Count
    wins: Count = 0
    losses: Count = 0
    ties: Count = 0
    control_mean: Share | None = None
    candidate_mean: Share | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: Share = 0.95
    standard_error: NonNegative | None = None
    p_value: Share | None = None
    adjusted_p: Share | None = None
    shrunken_gain: float | None = None
    e_value: NonNegative | None = None
    guardrails: tuple[Guardrail, ...] = ()
    cases_digest: str = ""
    fresh_pairs: Count = 0
    fresh_e_value: NonNegative | None = None
    calls: Count = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None

    @property
    def confidence_score(self) -> float | None:
        """1 - adjusted p, at most 0.99; not the probability that the gain is real."""
        return None if self.adjusted_p is None else min(0.99, 1.0 - self.adjusted_p)


class PastEvidence(Record):
    """Evidence of an earlier cycle, with what is needed to find its cases again.

    Attributes:
        context: of the cycle.
        strategy: refinement strategy of the candidate.
        evidence: over all its cases.
    """

    context: CycleContext
    strategy: str
    evidence: Evidence


class Verdict(Record):
    """Ship, stage, hold or reject one proposal, with a because.

    Attributes:
        evidence: on the model that decides.
        models: gain on every model asked, the deciding one first; empty where one model was asked.
        across: whether the gain carries over; None where one model was asked.
        screened_out: measured on reflect cases and found behind another candidate, so that it never met
            the gate; unlike a proposal that could not be measured, nothing is missing.
    """

    proposal: Proposal
    ruling: Ruling
    because: str
    evidence: Evidence | None
    slices: tuple[Evidence, ...] = ()
    models: tuple[ModelGain, ...] = ()
    across: AcrossModels | None = None
    screened_out: bool = False


class Verdicts(Record):
    """One verdict per proposal.

    Attributes:
        degraded: what could not be done, with the reason.
        outlook: what was expected before anything was spent: power, forecast, wear of the gate cases.
        unmeasured: what a budget of the request left unmeasured.
        calls, input_tokens, output_tokens, cost_usd: of all live arms, the control's included.
    """

    context: CycleContext
    verdicts: tuple[Verdict, ...] = ()
    because: str = ""
    degraded: tuple[str, ...] = ()
    outlook: str = ""
    unmeasured: tuple[str, ...] = ()
    calls: Count = 0
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: NonNegative | None = None

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        versions = [v.proposal.version for v in self.verdicts]
        if len(set(versions)) != len(versions):
            msg = "a proposal has more than one verdict"
            raise ValueError(msg)
        return self
