"""A probe: what breaks a prompt, asked on purpose."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from flywheel.records.base import Count, Name, NonNegative, Record, Share
from flywheel.records.baseline import ModelBaseline
from flywheel.records.case import Case, Role
from flywheel.records.execution import Outcome


class ProbeKind(StrEnum):
    """What a probe finds out."""

    CONSISTENCY = "consistency"
    CALIBRATION = "calibration"
    ROBUSTNESS = "robustness"
    EDGE_CASES = "edge-cases"
    COMPARISON = "comparison"


class Variant(Record):
    """A case asked in another way; only of a reflect case, only as one.

    Attributes:
        case: what is asked.
        of: id of the case it was made from.
        kind: how it differs.
        before, after: the text that was changed, whole.
    """

    case: Case
    of: Name
    kind: Name
    before: str
    after: str

    @model_validator(mode="after")
    def _stays_reflect(self) -> Self:
        if self.case.role is not Role.REFLECT:
            msg = f"variant {self.case.case_id!r} has role {self.case.role.value!r}; need 'reflect'"
            raise ValueError(msg)
        return self


class ProbeRow(Record):
    """How many cases show what a probe is after.

    Attributes:
        name: kind of change, slice, or `all`.
        cases: that count: measured, and able to show it.
        shown: of those, cases that show it.
        mended: cases that failed plain and passed changed; not among `shown` of an attack.
        share, low, high: shown / cases with its interval; None where no case counts.
        adjusted_p: that breaking outweighs mending by chance, corrected over the kinds; None where untested.
    """

    name: Name
    cases: Count = 0
    shown: Count = 0
    mended: Count = 0
    share: Share | None = None
    low: Share | None = None
    high: Share | None = None
    adjusted_p: Share | None = None


class ProbeFinding(Record):
    """One thing that broke.

    Attributes:
        case_id: of what was asked, to be kept as a case.
        of: id of the case it was made from.
        because: what is wrong with it, in words.
        plain: outcome of the case as it is; None where it was not measured.
    """

    case_id: Name
    of: Name
    kind: Name
    slice: str | None = None
    model: Name
    before: str
    after: str
    plain: Outcome | None = None
    changed: Outcome
    answer_before: str | None = None
    answer_after: str | None = None
    because: str


class Reliability(Record):
    """Executions of similar confidence: what was said, how many passed."""

    confidence: Share
    pass_rate: Share
    low: Share | None = None
    high: Share | None = None
    executions: Count


class Calibration(Record):
    """Confidence of a model beside its outcomes; None is unknown.

    Attributes:
        executions: with a confidence and an outcome.
        without: with an outcome alone.
        gap, gap_low, gap_high: mean confidence minus pass rate, rate units.
        bias: whether the whole interval of the gap is on one side of 0.
        brier: mean squared error; reliability - resolution + uncertainty, and what the bins hide.
        error, error_low, error_high: expected calibration error with what chance adds taken off.
        plug_in: the same as others report it, biased upwards.
        by_chance: what a perfectly calibrated model would show as plug_in on as many executions.
        because: why something is unknown, else empty.
    """

    executions: Count = 0
    without: Count = 0
    mean_confidence: Share | None = None
    pass_rate: Share | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    bias: Annotated[str, Field(pattern="^(overconfident|underconfident|none shown|unknown)$")] = "unknown"
    brier: Share | None = None
    reliability: NonNegative | None = None
    resolution: NonNegative | None = None
    uncertainty: NonNegative | None = None
    error: Share | None = None
    error_low: Share | None = None
    error_high: Share | None = None
    plug_in: Share | None = None
    by_chance: Share | None = None
    bins: tuple[Reliability, ...] = ()
    because: str = ""


class ModelPair(Record):
    """Two models on the cases both were scored on; differences are first minus second, None is unknown.

    Attributes:
        wins, losses, ties: cases on which the first scores higher, lower, the same.
        difference, low, high: of the mean scores.
        adjusted_p: corrected over all pairs of models.
        better: the model shown to be better; None is a tie.
        cost_usd, cost_low_usd, cost_high_usd: mean difference of a case.
        latency_ms, latency_low_ms, latency_high_ms: the same of the response time.
    """

    first: Name
    second: Name
    pairs: Count = 0
    wins: Count = 0
    losses: Count = 0
    ties: Count = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    adjusted_p: Share | None = None
    better: Name | None = None
    cost_usd: float | None = None
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None
    latency_ms: float | None = None
    latency_low_ms: float | None = None
    latency_high_ms: float | None = None


class ProbedModel(Record):
    """What a probe found with one model.

    Attributes:
        overall: over cases.
        kinds: one row per kind of change.
        slices: one row per slice, over cases.
        unmeasured: answers that never came, or have no score where one is needed.
        calibration: of the probe that looks at confidence.
    """

    model: Name
    overall: ProbeRow
    kinds: tuple[ProbeRow, ...] = ()
    slices: tuple[ProbeRow, ...] = ()
    findings: tuple[ProbeFinding, ...] = ()
    unmeasured: Count = 0
    calibration: Calibration | None = None


class ProbeReport(Record):
    """What a probe found.

    Attributes:
        session_id: of the executions behind it.
        cases: reflect cases that were asked as they are.
        variants: changed ones.
        without: by kind of change, cases of which it makes no variant.
        contract: what every answer must be; empty where a probe does not ask.
        ranking, pairs: of the probe that compares models.
    """

    kind: ProbeKind
    workspace: Name = "default"
    suite: Name
    prompt: Name
    version: Name
    session_id: Name
    seed: int = 0
    cases: Count = 0
    variants: Count = 0
    without: dict[str, Count] = Field(default_factory=dict)
    contract: str = ""
    models: tuple[ProbedModel, ...] = ()
    ranking: tuple[ModelBaseline, ...] = ()
    pairs: tuple[ModelPair, ...] = ()
